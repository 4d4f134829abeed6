import django.db.models.deletion
from django.db import migrations, models

import core.ids
from core.rls import RowLevelSecurity

APPEND_ONLY = """
CREATE FUNCTION privacy_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Certificates are append-only: % is refused', TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON privacy_certificate
    FOR EACH ROW EXECUTE FUNCTION privacy_append_only();
"""
WITHOUT_APPEND_ONLY = "DROP TRIGGER append_only ON privacy_certificate; DROP FUNCTION privacy_append_only()"


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Certificate",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("subject_digest", models.CharField(max_length=64)),
                ("body", models.JSONField()),
                ("signature", models.BinaryField()),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RightsRequest",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("subject_id", models.UUIDField(null=True)),
                ("subject_digest", models.CharField(max_length=64)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("access", "Access"),
                            ("export", "Export"),
                            ("correction", "Correction"),
                            ("objection", "Objection"),
                            ("erasure", "Erasure"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("done", "Done"), ("failed", "Failed")],
                        default="open",
                        max_length=12,
                    ),
                ),
                ("channel", models.CharField(max_length=30)),
                ("actor", models.CharField(max_length=80)),
                ("note", models.TextField(blank=True, default="")),
                ("reason", models.TextField(blank=True, default="")),
                ("asked_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "certificate",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="privacy.certificate",
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
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(fields=["operator", "subject_digest"], name="certificate_of_subject"),
        ),
        migrations.AddConstraint(
            model_name="certificate",
            constraint=models.CheckConstraint(
                condition=models.Q(("subject_digest__regex", "^[0-9a-f]{64}$")), name="certificate_digest_hex"
            ),
        ),
        migrations.AddIndex(
            model_name="rightsrequest",
            index=models.Index(fields=["operator", "state", "due_at"], name="rights_request_due"),
        ),
        migrations.AddConstraint(
            model_name="rightsrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["access", "export", "correction", "objection", "erasure"])),
                name="rights_request_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="rightsrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "done", "failed"])), name="rights_request_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="rightsrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_at__gt", models.F("asked_at"))), name="rights_request_due_later"
            ),
        ),
        migrations.AddConstraint(
            model_name="rightsrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", False), ("state", "done")),
                    models.Q(models.Q(("state", "done"), _negated=True), ("finished_at__isnull", True)),
                    _connector="OR",
                ),
                name="rights_request_finished_when_done",
            ),
        ),
        migrations.AddConstraint(
            model_name="rightsrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "erasure"), ("state", "done"), _negated=True),
                    models.Q(("certificate__isnull", False), ("note", ""), ("subject_id__isnull", True)),
                    _connector="OR",
                ),
                name="rights_request_erasure_is_certified",
            ),
        ),
        migrations.AddConstraint(
            model_name="rightsrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "erasure"), ("state", "open")),
                fields=("operator", "subject_id"),
                name="rights_request_one_open_erasure",
            ),
        ),
        RowLevelSecurity("certificate"),
        RowLevelSecurity("rightsrequest"),
        migrations.RunSQL(APPEND_ONLY, WITHOUT_APPEND_ONLY),
    ]
