import django.db.models.deletion
from django.db import migrations, models

import core.ids
from core.rls import RowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("identities", "0002_contracts"),
    ]

    operations = [
        migrations.CreateModel(
            name="EnrolmentPolicy",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "supervision",
                    models.CharField(
                        choices=[("unattended", "Unattended"), ("attended", "Attended")],
                        default="unattended",
                        max_length=10,
                    ),
                ),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("operator",), name="enrolment_policy_once"),
                    models.CheckConstraint(
                        condition=models.Q(("supervision__in", ["unattended", "attended"])), name="supervision_known"
                    ),
                ],
            },
        ),
        RowLevelSecurity("enrolmentpolicy"),
    ]
