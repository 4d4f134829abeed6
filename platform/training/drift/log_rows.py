"""The plays of an exported log, as drift is measured on them. Needs pyarrow."""

from dataclasses import fields
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.drift.reference import Row

PLAYS = "plays"
MOST_ROWS = 50_000
COLUMNS = [field.name for field in fields(Row) if field.name != "known"]


def played(dataset: Path) -> list[Row]:
    """Return the plays of an exported log, at most the latest 50,000; imported interactions are left out."""
    table = pq.read_table(dataset, columns=[*COLUMNS, "viewer", "at"], filters=pc.field("source") == PLAYS)
    latest = table.sort_by([("at", "descending")]).slice(0, MOST_ROWS)
    known = pc.is_valid(latest["viewer"]).to_pylist()
    told = latest.select(COLUMNS).to_pylist()
    return [Row(**row, known=viewer) for row, viewer in zip(told, known, strict=True)]
