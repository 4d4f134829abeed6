"""Append to the log."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from audit.chain import GENESIS, entry_hash
from audit.models import Entry


@transaction.atomic
def record(
    *, operator_id: UUID, actor: str, action: str, target: str, detail: Mapping[str, Any] | None = None
) -> Entry:
    """Append what ``actor`` did to ``target``, in the transaction of the deed itself.

    Never pass names, pictures, templates or tokens: the log outlives an erasure, so it holds pseudonymous ids only.
    """
    _lock(operator_id)
    last = Entry.objects.filter(operator_id=operator_id).order_by("-number").first()
    number, previous = (last.number + 1, bytes(last.hash)) if last else (1, GENESIS)
    at = timezone.now()
    fields = dict(detail or {})
    return Entry.objects.create(
        operator_id=operator_id, number=number, at=at, actor=actor, action=action, target=target, detail=fields,
        previous_hash=previous, hash=entry_hash(previous, number, at, actor, action, target, fields),
    )  # fmt: skip


def _lock(operator_id: UUID) -> None:
    # One writer per chain: the next number and hash depend on the last entry.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('audit:' || %s, 0))", [str(operator_id)])
