import django.db.models.deletion
from django.db import migrations, models

import core.ids
from core.rls import RowLevelSecurity

# A trial is of a version of its own operator, and so is the champion a version was measured against.
SAME_OPERATOR = """
ALTER TABLE registry_trial ADD CONSTRAINT trial_version_within_operator
    FOREIGN KEY (operator_id, version_id) REFERENCES registry_modelversion (operator_id, id) ON DELETE CASCADE;
ALTER TABLE registry_modelversion ADD CONSTRAINT model_parent_within_operator
    FOREIGN KEY (operator_id, parent_id) REFERENCES registry_modelversion (operator_id, id);
"""
SAME_OPERATOR_UNDONE = """
ALTER TABLE registry_trial DROP CONSTRAINT trial_version_within_operator;
ALTER TABLE registry_modelversion DROP CONSTRAINT model_parent_within_operator;
"""

# The moves of registry.models.MOVES; whatever writes a stage, no other move happens.
LEGAL_MOVES = """
CREATE FUNCTION registry_refuse_illegal_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.stage || '>' || NEW.stage NOT IN (
        'candidate>shadow', 'candidate>canary', 'candidate>champion', 'candidate>retired', 'shadow>canary',
        'shadow>champion', 'shadow>retired', 'canary>champion', 'canary>retired', 'champion>retired',
        'retired>shadow', 'retired>canary', 'retired>champion'
    ) THEN
        RAISE EXCEPTION 'model_moves_legally: a version cannot go from % to %', OLD.stage, NEW.stage
            USING ERRCODE = 'check_violation', CONSTRAINT = 'model_moves_legally';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER model_moves_legally BEFORE UPDATE OF stage ON registry_modelversion
    FOR EACH ROW WHEN (OLD.stage IS DISTINCT FROM NEW.stage) EXECUTE FUNCTION registry_refuse_illegal_move();
"""
LEGAL_MOVES_UNDONE = """
DROP TRIGGER model_moves_legally ON registry_modelversion;
DROP FUNCTION registry_refuse_illegal_move();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("registry", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="PromotionPolicy",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "route",
                    models.CharField(
                        choices=[
                            ("direct", "to all screens"),
                            ("canary", "to some screens first"),
                            ("shadow", "beside the champion first, then to some screens"),
                        ],
                        default="direct",
                        max_length=16,
                    ),
                ),
                ("automatic", models.BooleanField(default=False)),
                ("shadow_share", models.FloatField(default=0.25)),
                ("canary_share", models.FloatField(default=0.1)),
                ("shadow_hours", models.PositiveIntegerField(default=24)),
                ("canary_hours", models.PositiveIntegerField(default=24)),
                ("trial_decisions", models.PositiveIntegerField(default=500)),
                ("gates", models.JSONField(default=dict)),
                ("guardrails", models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name="Trial",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("stage", models.CharField(choices=[("shadow", "Shadow"), ("canary", "Canary")], max_length=16)),
                ("share", models.FloatField()),
                ("started_at", models.DateTimeField()),
                ("started_by", models.CharField(max_length=80)),
                ("figures", models.JSONField(default=dict)),
                ("checked_at", models.DateTimeField(blank=True, null=True)),
                ("ready_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("promoted", "Promoted"), ("rolled_back", "rolled back"), ("stopped", "Stopped")],
                        default="",
                        max_length=16,
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="modelversion",
            name="model_kind_known",
        ),
        migrations.RemoveConstraint(
            model_name="modelversion",
            name="model_stage_known",
        ),
        migrations.AddField(
            model_name="modelversion",
            name="configuration",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="gates",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="libraries",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="registry.modelversion",
            ),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="reference",
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name="modelversion",
            name="kind",
            field=models.CharField(
                choices=[
                    ("logistic", "Logistic regression"),
                    ("fm", "Factorisation machine"),
                    ("deepfm", "DeepFM"),
                    ("fwfm", "Field-weighted factorisation machine"),
                    ("dcn", "Deep & Cross Network v2"),
                    ("din", "Deep Interest Network"),
                    ("dotdin", "DIN with dot-product attention"),
                    ("bst", "Behaviour Sequence Transformer"),
                    ("sasrec", "SASRec"),
                    ("gru", "Recurrent behaviour model"),
                    ("mmoe", "Multi-gate mixture of experts"),
                    ("ple", "Progressive layered extraction"),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="modelversion",
            name="stage",
            field=models.CharField(
                choices=[
                    ("candidate", "Candidate"),
                    ("shadow", "Shadow"),
                    ("canary", "Canary"),
                    ("champion", "Champion"),
                    ("retired", "Retired"),
                ],
                default="candidate",
                max_length=16,
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stage", "shadow")), fields=("operator",), name="model_one_shadow_per_operator"
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stage", "canary")), fields=("operator",), name="model_one_canary_per_operator"
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "logistic",
                            "fm",
                            "deepfm",
                            "fwfm",
                            "dcn",
                            "din",
                            "dotdin",
                            "bst",
                            "sasrec",
                            "gru",
                            "mmoe",
                            "ple",
                        ],
                    )
                ),
                name="model_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("stage__in", ["candidate", "shadow", "canary", "champion", "retired"])),
                name="model_stage_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("configuration", ""), ("configuration__regex", "^[0-9a-f]{64}$"), _connector="OR"),
                name="model_configuration_is_sha256",
            ),
        ),
        migrations.AddField(
            model_name="promotionpolicy",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
            ),
        ),
        migrations.AddField(
            model_name="trial",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
            ),
        ),
        migrations.AddField(
            model_name="trial",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="trials", to="registry.modelversion"
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionpolicy",
            constraint=models.UniqueConstraint(fields=("operator",), name="promotion_policy_once_per_operator"),
        ),
        migrations.AddConstraint(
            model_name="promotionpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("route__in", ["direct", "canary", "shadow"])), name="promotion_policy_route_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("canary_share__gt", 0), ("canary_share__lte", 1), ("shadow_share__gt", 0), ("shadow_share__lte", 1)
                ),
                name="promotion_policy_shares_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("trial_decisions__gt", 0)), name="promotion_policy_decisions_positive"
            ),
        ),
        migrations.AddIndex(
            model_name="trial",
            index=models.Index(fields=["version", "-started_at"], name="trial_of_version"),
        ),
        migrations.AddConstraint(
            model_name="trial",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("operator", "stage"), name="trial_one_open_per_stage"
            ),
        ),
        migrations.AddConstraint(
            model_name="trial",
            constraint=models.CheckConstraint(
                condition=models.Q(("stage__in", ("shadow", "canary"))), name="trial_stage_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="trial",
            constraint=models.CheckConstraint(
                condition=models.Q(("share__gt", 0), ("share__lte", 1)), name="trial_share_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="trial",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("outcome", "")),
                    models.Q(("ended_at__isnull", False), ("outcome__in", ["promoted", "rolled_back", "stopped"])),
                    _connector="OR",
                ),
                name="trial_ends_with_an_outcome",
            ),
        ),
        migrations.RunSQL(SAME_OPERATOR, SAME_OPERATOR_UNDONE),
        migrations.RunSQL(LEGAL_MOVES, LEGAL_MOVES_UNDONE),
        RowLevelSecurity("trial"),
        RowLevelSecurity("promotionpolicy"),
    ]
