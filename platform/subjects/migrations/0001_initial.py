import uuid

import django.db.models.deletion
from django.db import migrations, models

import core.ids
from core.rls import RowLevelSecurity

APPEND_ONLY = """
CREATE FUNCTION subjects_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Notices and the consent ledger are append-only: % is refused', TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON subjects_consententry
    FOR EACH ROW EXECUTE FUNCTION subjects_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON subjects_notice
    FOR EACH ROW EXECUTE FUNCTION subjects_append_only();
"""
WITHOUT_APPEND_ONLY = """
DROP TRIGGER append_only ON subjects_notice;
DROP TRIGGER append_only ON subjects_consententry;
DROP FUNCTION subjects_append_only();
"""

# What other apps may join: who may be recognised, where and until when. The view checks row-level security as its caller.
RECOGNISABLE = """
CREATE VIEW subjects_recognisable WITH (security_invoker = true) AS
    SELECT operator_id, subject_id, venue_id, expires_at FROM subjects_consent
    WHERE purpose = 'recognise' AND state = 'given'
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Subject",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("pseudonym", models.CharField(max_length=60)),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("kiosk", "Kiosk"),
                            ("portal", "Portal"),
                            ("api", "Api"),
                            ("demo", "Demo"),
                            ("simulated", "Simulated"),
                        ],
                        max_length=20,
                    ),
                ),
                ("reference", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("loyalty_digest", models.BinaryField(null=True, unique=True)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("version", models.PositiveIntegerField()),
                ("language", models.CharField(max_length=12)),
                ("title", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("purposes", models.JSONField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ConsentEntry",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("reference", models.UUIDField()),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("recognise", "Recognise"),
                            ("personalise", "Personalise"),
                            ("learn", "Learn"),
                            ("measure", "Measure"),
                            ("share", "Share"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[("given", "Given"), ("withdrawn", "Withdrawn"), ("expired", "Expired")], max_length=20
                    ),
                ),
                ("method", models.CharField(max_length=30)),
                ("channel", models.CharField(max_length=30)),
                ("actor", models.CharField(max_length=80)),
                ("venue_id", models.UUIDField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
                (
                    "notice",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="subjects.notice"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="NoticeView",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("channel", models.CharField(max_length=30)),
                ("screen_id", models.UUIDField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "notice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="subjects.notice"
                    ),
                ),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Profile",
            fields=[
                (
                    "subject",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="profile",
                        serialize=False,
                        to="subjects.subject",
                    ),
                ),
                ("recent", models.JSONField(default=list)),
                ("updated_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("recognise", "Recognise"),
                            ("personalise", "Personalise"),
                            ("learn", "Learn"),
                            ("measure", "Measure"),
                            ("share", "Share"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("given", "Given"), ("withdrawn", "Withdrawn"), ("expired", "Expired")], max_length=20
                    ),
                ),
                ("given_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("venue_id", models.UUIDField(null=True)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
                (
                    "subject",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="consents", to="subjects.subject"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("digest", models.BinaryField(unique=True)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
                (
                    "subject",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="receipts", to="subjects.subject"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                fields=("operator", "version", "language"), name="notice_once_per_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(condition=models.Q(("version__gte", 1)), name="notice_version_positive"),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="notice_sha256_hexadecimal"
            ),
        ),
        migrations.AddIndex(
            model_name="consententry",
            index=models.Index(fields=["operator", "reference", "at"], name="consent_entry_of_subject"),
        ),
        migrations.AddConstraint(
            model_name="consententry",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["recognise", "personalise", "learn", "measure", "share"])),
                name="consent_entry_purpose_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="consententry",
            constraint=models.CheckConstraint(
                condition=models.Q(("action__in", ["given", "withdrawn", "expired"])), name="consent_entry_action_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="consententry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("action", "given"), _negated=True),
                    models.Q(("expires_at__gt", models.F("at")), ("notice__isnull", False)),
                    _connector="OR",
                ),
                name="consent_entry_given_is_informed",
            ),
        ),
        migrations.AddIndex(
            model_name="noticeview",
            index=models.Index(fields=["operator", "at"], name="notice_view_at"),
        ),
        migrations.AddField(
            model_name="profile",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
            ),
        ),
        migrations.AddConstraint(
            model_name="subject",
            constraint=models.UniqueConstraint(fields=("operator", "pseudonym"), name="subject_pseudonym_once"),
        ),
        migrations.AddConstraint(
            model_name="subject",
            constraint=models.CheckConstraint(
                condition=models.Q(("origin__in", ["kiosk", "portal", "api", "demo", "simulated"])),
                name="subject_origin_known",
            ),
        ),
        migrations.AddIndex(
            model_name="consent",
            index=models.Index(
                condition=models.Q(("state", "given")),
                fields=["operator", "purpose", "expires_at"],
                name="consent_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.UniqueConstraint(fields=("subject", "purpose"), name="consent_once_per_purpose"),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["recognise", "personalise", "learn", "measure", "share"])),
                name="consent_purpose_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["given", "withdrawn", "expired"])), name="consent_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("given_at"))), name="consent_expires_later"
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("state", "given")),
                    models.Q(models.Q(("state", "given"), _negated=True), ("ended_at__isnull", False)),
                    _connector="OR",
                ),
                name="consent_ended_unless_given",
            ),
        ),
        RowLevelSecurity("subject"),
        RowLevelSecurity("notice"),
        RowLevelSecurity("noticeview"),
        RowLevelSecurity("consententry"),
        RowLevelSecurity("consent"),
        RowLevelSecurity("profile"),
        RowLevelSecurity("receipt"),
        migrations.RunSQL(APPEND_ONLY, WITHOUT_APPEND_ONLY),
        migrations.RunSQL(RECOGNISABLE, "DROP VIEW subjects_recognisable"),
    ]
