import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import core.ids
from core.rls import RowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("registry", "0002_stages"),
    ]

    operations = [
        migrations.CreateModel(
            name="Observation",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("decision_id", models.UUIDField()),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("candidate", "Candidate"),
                            ("shadow", "Shadow"),
                            ("canary", "Canary"),
                            ("champion", "Champion"),
                            ("retired", "Retired"),
                        ],
                        max_length=16,
                    ),
                ),
                ("model", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("took_us", models.PositiveIntegerField()),
                ("failed", models.BooleanField(default=False)),
                (
                    "scores",
                    django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), default=list, size=None),
                ),
                ("agreement", models.FloatField(null=True)),
                ("same_first", models.BooleanField(null=True)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["operator", "model", "at"], name="observation_of_model")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("operator", "decision_id", "stage"), name="observation_once_per_decision"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("stage__in", ["champion", "shadow", "canary"])),
                        name="observation_stage_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("agreement__isnull", True),
                            models.Q(("agreement__gte", -1), ("agreement__lte", 1)),
                            _connector="OR",
                        ),
                        name="observation_agreement_range",
                    ),
                ],
            },
        ),
        RowLevelSecurity("observation"),
    ]
