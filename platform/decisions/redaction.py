"""Take what somebody liked out of the reasons that were logged for them."""

from uuid import UUID

from django.db import connection

from decisions.reasons import LIKED

_REDACT = """
UPDATE decisions_choice choice SET reasons = coalesce((
    SELECT jsonb_agg(said.sentence ORDER BY said.place)
    FROM jsonb_array_elements(choice.reasons) WITH ORDINALITY AS said (sentence, place)
    WHERE NOT starts_with(said.sentence #>> '{}', %(liked)s)
), '[]')
WHERE choice.operator_id = %(operator_id)s AND choice.decision_id IN (
    SELECT viewer.decision_id FROM decisions_decisionviewer viewer
    WHERE viewer.operator_id = %(operator_id)s AND viewer.subject_id = %(subject_id)s
) AND EXISTS (
    SELECT 1 FROM jsonb_array_elements_text(choice.reasons) AS sentence WHERE starts_with(sentence, %(liked)s)
)
"""


def reasons_without_likings(*, operator_id: UUID, subject_id: UUID) -> int:
    """Remove the sentence about likings from every choice made for a person; return from how many (one statement).

    Where several people stood there it may have been about another one: it goes all the same.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REDACT, {"operator_id": operator_id, "subject_id": subject_id, "liked": LIKED})
        return int(cursor.rowcount)
