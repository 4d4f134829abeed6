from django.db import migrations

# What somebody liked is told as long as they agree to personal choices. The end of that consent, by whatever door it
# comes, takes the sentences out in its own transaction; an erasure calls the same function (decisions.redaction).
# The sentence is decisions.reasons.LIKED; a test compares the two.
REDACT = """
CREATE FUNCTION decisions_redact_likings(of_operator uuid, of_subject uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    liked CONSTANT text := 'Somebody here engaged with ';
    redacted bigint;
BEGIN
    UPDATE decisions_choice choice SET reasons = coalesce((
        SELECT jsonb_agg(said.sentence ORDER BY said.place)
        FROM jsonb_array_elements(choice.reasons) WITH ORDINALITY AS said (sentence, place)
        WHERE NOT starts_with(said.sentence #>> '{}', liked)
    ), '[]')
    WHERE choice.operator_id = of_operator AND choice.decision_id IN (
        SELECT viewer.decision_id FROM decisions_decisionviewer viewer
        WHERE viewer.operator_id = of_operator AND viewer.subject_id = of_subject
    ) AND EXISTS (
        SELECT 1 FROM jsonb_array_elements_text(choice.reasons) AS sentence WHERE starts_with(sentence, liked)
    );
    GET DIAGNOSTICS redacted = ROW_COUNT;
    RETURN redacted;
END $$;

CREATE FUNCTION decisions_end_of_personal_choices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM decisions_redact_likings(OLD.operator_id, OLD.subject_id);
    RETURN NULL;
END $$;
CREATE TRIGGER redact_likings AFTER UPDATE OF state ON subjects_consent
    FOR EACH ROW WHEN (OLD.purpose = 'personalise' AND OLD.state = 'given' AND NEW.state <> 'given')
    EXECUTE FUNCTION decisions_end_of_personal_choices();
"""
KEEP = """
DROP TRIGGER redact_likings ON subjects_consent;
DROP FUNCTION decisions_end_of_personal_choices();
DROP FUNCTION decisions_redact_likings(uuid, uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("decisions", "0002_exploration"),
        ("subjects", "0001_initial"),
    ]

    operations = [migrations.RunSQL(REDACT, KEEP)]
