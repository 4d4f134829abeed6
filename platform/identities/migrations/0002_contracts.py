import django.db.models.deletion
from django.db import migrations, models

import core.ids
from core.rls import RowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("identities", "0001_initial"),
        ("subjects", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Contract",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=40)),
                ("recogniser", models.CharField(max_length=64)),
                ("preprocessing", models.TextField()),
                ("dimension", models.PositiveIntegerField()),
                ("key_id", models.CharField(max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("active", "Active"),
                            ("next", "Next"),
                            ("retired", "Retired"),
                        ],
                        max_length=10,
                    ),
                ),
                ("replaces", models.CharField(blank=True, default="", max_length=40)),
                ("notice_version", models.PositiveIntegerField(null=True)),
                ("due_at", models.DateTimeField(null=True)),
                ("retired_at", models.DateTimeField(null=True)),
                ("key_destroyed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="template",
            name="occasion",
            field=models.CharField(
                choices=[("enrolment", "Enrolment"), ("renewal", "Renewal")], default="enrolment", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="template",
            name="origin_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddConstraint(
            model_name="template",
            constraint=models.UniqueConstraint(
                condition=models.Q(("origin_id__isnull", False)),
                fields=("contract", "origin_id"),
                name="template_carried_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="template",
            constraint=models.CheckConstraint(
                condition=models.Q(("occasion__in", ["enrolment", "renewal"])), name="template_occasion_known"
            ),
        ),
        migrations.AddField(
            model_name="contract",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
            ),
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.UniqueConstraint(fields=("operator", "name"), name="contract_once"),
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")), fields=("operator",), name="contract_one_active"
            ),
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "next")), fields=("operator",), name="contract_one_next"
            ),
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "pending")), fields=("operator", "replaces"), name="contract_one_pending"
            ),
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "active", "next", "retired"])), name="contract_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("retired_at__isnull", False), ("state", "retired")),
                    models.Q(
                        models.Q(("state", "retired"), _negated=True),
                        ("key_destroyed_at__isnull", True),
                        ("retired_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="contract_retired_at_a_time",
            ),
        ),
        RowLevelSecurity("contract"),
    ]
