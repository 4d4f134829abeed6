"""Import published logs of interactions, mapped onto the catalogue."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from core.ids import new_id
from events.errors import OtherLog

_COLUMNS = (
    "id, created_at, operator_id, source, sequence, person, creative_id, screen_id, scene, at, position, propensity,"
    " label"
)
_COPY = f"COPY importing ({_COLUMNS}) FROM STDIN WITH (FORMAT csv, NULL '\\N')"
_DIFFERENT = """
SELECT min(importing.sequence), count(*) FROM importing
JOIN events_importedinteraction kept USING (operator_id, source, sequence)
WHERE (kept.at, kept.label, kept.person) IS DISTINCT FROM (importing.at, importing.label, importing.person)
"""
_KEEP = (
    f"INSERT INTO events_importedinteraction ({_COLUMNS}) SELECT {_COLUMNS} FROM importing"  # noqa: S608 - names of ours
    " ON CONFLICT (operator_id, source, sequence) DO NOTHING"
)
GROUP = 20_000
"""Rows held in memory at once."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One line of a published log.

    Attributes:
        sequence: number of the line within its source; the same line is imported once.
        person: opaque key of somebody in that log, empty when it names nobody.
        propensity: with which the log's policy showed the creative, in (0, 1]; None when unknown.
        label: whether that person engaged.
    """

    sequence: int
    creative_id: UUID
    at: datetime
    label: bool
    person: str = ""
    position: int = 0
    propensity: float | None = None
    screen_id: UUID | None = None
    scene: str = ""


@transaction.atomic
def import_interactions(
    *,
    operator_id: UUID,
    source: str,
    rows: Iterable[Interaction],
    tell: Callable[[int], None] = lambda rows: None,
) -> int:
    """Store lines of a published log that are not stored yet; return how many were new.

    Rows are copied in groups into a table that ends with the transaction and moved in one statement: a hundred
    thousand take seconds, the same log imported again changes nothing, and whatever ``rows`` raises on the way leaves
    nothing behind.

    Args:
        tell: is told after each group how many rows have been read.

    Raises:
        OtherLog: the source holds other lines under these numbers; nothing is stored.
    """
    read, coming = 0, iter(rows)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE importing (LIKE events_importedinteraction) ON COMMIT DROP")
        while group := list(islice(coming, GROUP)):
            cursor.copy_expert(_COPY, _csv(operator_id, source, group))
            read += len(group)
            tell(read)
        cursor.execute(_DIFFERENT)
        first, different = cursor.fetchone()
        if different:
            raise OtherLog(
                f"The source {source!r} holds other lines already: {different} of these differ, the first is line"
                f" {first}. Import this log under another name."
            )
        cursor.execute(_KEEP)
        added = int(cursor.rowcount)
        cursor.execute("DROP TABLE importing")
    return added


def _csv(operator_id: UUID, source: str, rows: Sequence[Interaction]) -> io.StringIO:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(_line(operator_id, source, row) for row in rows)
    buffer.seek(0)
    return buffer


def _line(operator_id: UUID, source: str, row: Interaction) -> Iterator[Any]:
    nothing, at = "\\N", row.at.astimezone(UTC).isoformat()
    return iter(
        (
            new_id(), at, operator_id, source, row.sequence, row.person, row.creative_id,
            row.screen_id or nothing, row.scene, at, row.position,
            nothing if row.propensity is None else repr(float(row.propensity)), row.label,
        )
    )  # fmt: skip
