"""Take what somebody liked out of the reasons that were logged for them.

The end of their consent to personal choices does so in the database itself, whoever ends it: a trigger of the migration
``0003_redaction`` calls the function that is called here.
"""

from uuid import UUID

from django.db import connection


def reasons_without_likings(*, operator_id: UUID, subject_id: UUID) -> int:
    """Remove the sentence about likings from every choice made for a person; return from how many (one statement).

    Where several people stood there it may have been about another one: it goes all the same.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT decisions_redact_likings(%s, %s)", [operator_id, subject_id])
        return int(cursor.fetchone()[0])
