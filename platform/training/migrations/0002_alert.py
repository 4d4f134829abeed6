import django.db.models.deletion
from django.db import migrations, models

import core.ids
from core.rls import RowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("training", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("feature", "Feature drift"),
                            ("missing", "Missing feature"),
                            ("unseen", "Unseen creatives"),
                            ("embedding", "Embedding drift"),
                            ("calibration", "Calibration drift"),
                        ],
                        max_length=16,
                    ),
                ),
                ("subject", models.CharField(blank=True, default="", max_length=40)),
                ("severity", models.CharField(choices=[("moderate", "Moderate"), ("major", "Major")], max_length=12)),
                ("value", models.FloatField()),
                ("threshold", models.FloatField()),
                ("sentence", models.TextField()),
                ("version_id", models.UUIDField()),
                ("raised_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("resolved_at", None)),
                        fields=("operator", "kind", "subject"),
                        name="alert_open_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["feature", "missing", "unseen", "embedding", "calibration"])),
                        name="alert_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("severity__in", ["moderate", "major"])), name="alert_severity_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("seen_at__gte", models.F("raised_at"))), name="alert_seen_after_raised"
                    ),
                ],
            },
        ),
        RowLevelSecurity("alert"),
    ]
