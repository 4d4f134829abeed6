import django.db.models.deletion
import pgvector.django.vector
from django.db import migrations, models
from pgvector.django import VectorExtension

import core.ids
from core.rls import RowLevelSecurity

# A template stands and falls with the consent. The consent is locked while a template is written, so a withdrawal at
# the same moment waits and then deletes the template, or is seen here.
CONSENT = """
CREATE FUNCTION identities_require_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM subjects_recognisable
        WHERE operator_id = NEW.operator_id AND subject_id = NEW.subject_id AND expires_at > clock_timestamp()
        FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'No template without a live consent to recognise'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER require_consent BEFORE INSERT OR UPDATE ON identities_template
    FOR EACH ROW EXECUTE FUNCTION identities_require_consent();

CREATE FUNCTION identities_drop_templates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM identities_template WHERE operator_id = OLD.operator_id AND subject_id = OLD.subject_id
        AND NOT EXISTS (SELECT FROM subjects_recognisable live
            WHERE live.operator_id = OLD.operator_id AND live.subject_id = OLD.subject_id);
    RETURN NULL;
END $$;
CREATE TRIGGER drop_templates AFTER UPDATE OR DELETE ON subjects_consent
    FOR EACH ROW WHEN (OLD.purpose = 'recognise') EXECUTE FUNCTION identities_drop_templates();
"""
WITHOUT_CONSENT = """
DROP TRIGGER drop_templates ON subjects_consent;
DROP FUNCTION identities_drop_templates();
DROP TRIGGER require_consent ON identities_template;
DROP FUNCTION identities_require_consent();
"""
UNIT_VECTOR = """
ALTER TABLE identities_template ADD CONSTRAINT template_is_a_unit_vector
    CHECK (vector_norm(embedding) BETWEEN 0.999 AND 1.001)
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("subjects", "0001_initial"),
    ]

    operations = [
        VectorExtension(),
        migrations.CreateModel(
            name="Template",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("contract", models.CharField(max_length=40)),
                ("embedding", pgvector.django.vector.VectorField()),
                ("quality", models.JSONField(default=dict)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
                (
                    "subject",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="subjects.subject"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["operator", "contract"], name="template_of_contract")],
            },
        ),
        RowLevelSecurity("template"),
        migrations.RunSQL(UNIT_VECTOR, "ALTER TABLE identities_template DROP CONSTRAINT template_is_a_unit_vector"),
        migrations.RunSQL(CONSENT, WITHOUT_CONSENT),
    ]
