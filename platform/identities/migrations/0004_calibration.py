import django.db.models.deletion
from django.db import migrations, models

import core.ids
from core.rls import RowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("identities", "0003_enrolment_policy"),
    ]

    operations = [
        migrations.CreateModel(
            name="Calibration",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("contract", models.CharField(max_length=40)),
                ("content", models.JSONField()),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("operator", "contract"), name="calibration_once")],
            },
        ),
        RowLevelSecurity("calibration"),
    ]
