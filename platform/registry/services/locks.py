"""One change of an operator's models at a time."""

from uuid import UUID

from django.db import connection


def lock(operator_id: UUID) -> None:
    """Hold the operator's registry until the current transaction ends."""
    # The row that would be locked does not exist before the first activation, so the lock has a name of its own.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('registry:' || %s, 0))", [str(operator_id)])
