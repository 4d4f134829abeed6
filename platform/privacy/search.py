"""Searching every store for a person, without trusting what the apps say they deleted.

The database is searched table by table from its own catalogue, so a table that somebody adds tomorrow is searched as
well: every column of identifiers, text and JSON, for every form in which a subject is ever written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection
from psycopg2 import sql

import identities.index
import training.folders
import training.selectors
from core import epochs
from core.ids import public_id
from core.models import Reply
from core.sealing import BrokenSeal, unseal

KEPT = {
    "audit_entry": "The audit log keeps what was done to the pseudonymous id; its hash chain breaks otherwise.",
}
"""Tables in which the id stays, and why."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What identifies a person in the stores; gathered before the erasure, since afterwards nothing tells it.

    Attributes:
        texts: every form in which a subject is written: id, public id and pseudonym.
        templates: ids of their templates, as the galleries in memory name them.
        runs: trainings whose files hold them.
    """

    operator_id: UUID
    subject_id: UUID
    texts: tuple[str, ...] = field(repr=False)
    templates: frozenset[str]
    runs: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: how many places were searched, and hits by store (empty when nothing was left)."""

    tables: int
    hits: dict[str, int]


def forms_of(subject_id: UUID, pseudonym: str) -> tuple[str, ...]:
    """Return every form in which a subject may be written."""
    return (str(subject_id), subject_id.hex, public_id("sub", subject_id), pseudonym)


def everywhere(traces: Traces) -> Found:
    """Search the database, the stored replies, the gallery of this process and the files of trainings."""
    tables = _columns()
    hits = {table: count for table, columns in tables.items() if (count := _rows(table, columns, traces))}
    hits |= {
        "stored replies": len(replies_about(traces.operator_id, traces.texts)),
        "gallery in memory": len(_held(traces.operator_id) & traces.templates),
        "datasets": training.selectors.traces(operator_id=traces.operator_id, subject_id=traces.subject_id)["datasets"],
        "checkpoints of shards": training.folders.held_in_shards(
            traces.operator_id, training.selectors.viewer_key(traces.subject_id)
        ),
        "dataset files": sum(training.folders.folder_of(run_id).exists() for run_id in traces.runs),
    }
    return Found(len(tables), {store: count for store, count in hits.items() if count})


def replies_about(operator_id: UUID, texts: Sequence[str]) -> list[int]:
    """Return the stored replies that name a person, and those that cannot be opened any more."""
    wanted = [text.encode() for text in texts]
    return [
        reply.id
        for reply in Reply.objects.filter(operator_id=operator_id).iterator()
        if (body := _opened(reply)) is None or any(text in body for text in wanted)
    ]


def _opened(reply: Reply) -> bytes | None:
    try:
        return unseal("reply", bytes(reply.body))
    except BrokenSeal:
        return None


def _held(operator_id: UUID) -> frozenset[str]:
    return identities.index.held(operator_id, epochs.versions(operator_id=operator_id))


def _columns() -> dict[str, list[tuple[str, str]]]:
    """Return (column, type) of every table that belongs to operators."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c"
            " JOIN information_schema.tables t USING (table_schema, table_name)"
            " WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'"
            " AND c.data_type IN ('uuid', 'text', 'character varying', 'json', 'jsonb', 'ARRAY')"
            " AND c.table_name IN (SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND column_name = 'operator_id')"
            " ORDER BY 1, 2"
        )
        found: dict[str, list[tuple[str, str]]] = {}
        for table, column, kind in cursor.fetchall():
            if table not in KEPT and column != "operator_id":
                found.setdefault(table, []).append((column, kind))
    return found


def _rows(table: str, columns: Sequence[tuple[str, str]], traces: Traces) -> int:
    """Count the rows of one table that name the person in any column (one query)."""
    tests: list[sql.Composable] = []
    values: list[UUID | str] = []
    for column, kind in columns:
        if kind == "uuid":
            tests.append(sql.SQL("{} = %s").format(sql.Identifier(column)))
            values.append(traces.subject_id)
        else:
            tests.append(sql.SQL("{}::text ~ %s").format(sql.Identifier(column)))
            values.append("|".join(traces.texts))
    query = sql.SQL("SELECT count(*) FROM {} WHERE operator_id = %s AND ({})").format(
        sql.Identifier(table), sql.SQL(" OR ").join(tests)
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [traces.operator_id, *values])
        return int(cursor.fetchone()[0])
