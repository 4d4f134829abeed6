"""Import published logs of interactions, mapped onto the catalogue."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from core.ids import new_id

_COLUMNS = (
    "id, created_at, operator_id, source, sequence, person, creative_id, screen_id, scene, at, position, propensity,"
    " label"
)
_COPY = f"COPY importing ({_COLUMNS}) FROM STDIN WITH (FORMAT csv, NULL '\\N')"
_KEEP = (
    f"INSERT INTO events_importedinteraction ({_COLUMNS}) SELECT {_COLUMNS} FROM importing"  # noqa: S608 - names of ours
    " ON CONFLICT (operator_id, source, sequence) DO NOTHING"
)


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
def import_interactions(*, operator_id: UUID, source: str, rows: Iterable[Interaction]) -> int:
    """Store lines of a published log that are not stored yet; return how many were new.

    Rows are copied into a table that ends with the transaction and moved in one statement: a hundred thousand take
    seconds, and the same log imported again changes nothing.
    """
    buffer = io.StringIO()
    csv.writer(buffer).writerows(_line(operator_id, source, row) for row in rows)
    buffer.seek(0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE importing (LIKE events_importedinteraction) ON COMMIT DROP")
        cursor.copy_expert(_COPY, buffer)
        cursor.execute(_KEEP)
        added = int(cursor.rowcount)
        cursor.execute("DROP TABLE importing")
    return added


def _line(operator_id: UUID, source: str, row: Interaction) -> Iterator[Any]:
    nothing, at = "\\N", row.at.astimezone(UTC).isoformat()
    return iter(
        (
            new_id(), at, operator_id, source, row.sequence, row.person, row.creative_id,
            row.screen_id or nothing, row.scene, at, row.position,
            nothing if row.propensity is None else repr(float(row.propensity)), row.label,
        )
    )  # fmt: skip
