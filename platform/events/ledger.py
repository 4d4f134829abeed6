"""Read and write the rows of a batch, each in one statement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from core.ids import new_id
from decisions.sql import insert
from events.engagement import is_positive
from events.items import EngagementItem
from events.judgement import AcceptedPlay, Choice

_SHARED = (
    ("id", "uuid"), ("created_at", "timestamptz"), ("operator_id", "uuid"), ("screen_id", "uuid"),
    ("received_at", "timestamptz"), ("clock_offset_ms", "int8"), ("event_id", "uuid"), ("digest", "bytea"),
    ("decision_id", "uuid"), ("position", "int2"),
)  # fmt: skip
_PLAY = (
    *_SHARED, ("bundle", "text"), ("creative_id", "uuid"), ("campaign_id", "uuid"), ("started_at", "timestamptz"),
    ("duration_ms", "int4"), ("repeat", "bool"), ("billed_micros", "int8"),
)  # fmt: skip
_ENGAGEMENT = (*_SHARED, ("kind", "text"), ("value", "float8"), ("positive", "bool"), ("at", "timestamptz"))

_KNOWN = """
SELECT event_id, digest, NULL::uuid AS decision_id, NULL::int2 AS position FROM events_play
WHERE operator_id = %(operator_id)s AND event_id = ANY(%(event_ids)s::uuid[])
UNION ALL
SELECT event_id, digest, NULL, NULL FROM events_engagement
WHERE operator_id = %(operator_id)s AND event_id = ANY(%(event_ids)s::uuid[])
UNION ALL
SELECT NULL, NULL, decision_id, position FROM events_play
WHERE operator_id = %(operator_id)s AND decision_id = ANY(%(decision_ids)s::uuid[]) AND NOT repeat
"""

_FIRST = """
SELECT decision_id, position, min(at) FROM events_engagement
WHERE operator_id = %(operator_id)s AND decision_id = ANY(%(decision_ids)s::uuid[]) AND positive
GROUP BY decision_id, position
HAVING bool_and(event_id = ANY(%(event_ids)s::uuid[]))
"""


class Header(NamedTuple):
    """What all rows of one batch share."""

    created_at: datetime
    operator_id: UUID
    screen_id: UUID
    received_at: datetime
    clock_offset_ms: int


def lock(screen_id: UUID) -> None:
    """Let one batch of a screen in at a time: a batch sent twice at once is stored once and answered twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('events:' || %s, 0))", [str(screen_id)])


def known(
    *, operator_id: UUID, event_ids: Collection[UUID], decision_ids: Collection[UUID]
) -> tuple[dict[UUID, bytes], set[Choice]]:
    """Return the digests of events accepted before, and the choices played before."""
    values: dict[str, Any] = {
        "operator_id": operator_id,
        "event_ids": list(event_ids),
        "decision_ids": list(decision_ids),
    }
    digests: dict[UUID, bytes] = {}
    played: set[Choice] = set()
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, values)
        for event_id, digest, decision_id, position in cursor.fetchall():
            if event_id is not None:
                digests[event_id] = bytes(digest)
            else:
                played.add((decision_id, position))
    return digests, played


def write_plays(header: Header, plays: Sequence[AcceptedPlay]) -> set[UUID]:
    """Store plays; return the ids of those that were stored."""
    rows = [
        (
            new_id(), *header, play.item.event_id, play.item.digest, play.item.decision_id, play.item.position,
            play.item.bundle, play.creative_id, play.campaign_id, play.item.started_at, play.item.duration_ms,
            play.repeat, play.billed_micros,
        )
        for play in plays
    ]  # fmt: skip
    return _write("events_play", _PLAY, rows)


def write_engagements(header: Header, engagements: Sequence[EngagementItem]) -> set[UUID]:
    """Store engagements; return the ids of those that were stored."""
    rows = [
        (
            new_id(), *header, item.event_id, item.digest, item.decision_id, item.position,
            item.kind.value, item.value, is_positive(item.kind, item.value), item.at,
        )
        for item in engagements
    ]  # fmt: skip
    return _write("events_engagement", _ENGAGEMENT, rows)


def first_engagements(
    *, operator_id: UUID, decision_ids: Collection[UUID], event_ids: Collection[UUID]
) -> dict[Choice, datetime]:
    """Return the choices somebody engaged with for the first time by one of these events, and when."""
    values: dict[str, Any] = {
        "operator_id": operator_id,
        "decision_ids": list(decision_ids),
        "event_ids": list(event_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(_FIRST, values)
        return {(decision_id, position): at for decision_id, position, at in cursor.fetchall()}


def _write(table: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> set[UUID]:
    if not rows:
        return set()
    statement, values = insert(table, columns, rows)
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} ON CONFLICT (operator_id, event_id) DO NOTHING RETURNING event_id", values)
        return {event_id for (event_id,) in cursor.fetchall()}
