"""The plays of an exported log, as drift is measured on them. Needs pyarrow."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recsys.training.reading import LogFile, instants
from training.drift.reference import Row

PLAYS = "plays"
MOST_ROWS = 50_000
COLUMNS = [field.name for field in fields(Row) if field.name != "known"]


def played(dataset: Path) -> list[Row]:
    """Return the plays of an exported log, at most the latest 50,000; imported interactions are left out."""
    log = LogFile(dataset)
    times = instants(log.take(["source", "at"], lambda table: pc.equal(table["source"], PLAYS)))
    if not len(times):
        return []
    oldest = np.partition(times, -min(MOST_ROWS, len(times)))[-min(MOST_ROWS, len(times))]
    table = log.take(
        [*COLUMNS, "viewer", "at", "source"],
        lambda table: pc.and_(pc.equal(table["source"], PLAYS), pa.array(instants(table) >= oldest)),
    )
    latest = table.sort_by([("at", "descending")]).slice(0, MOST_ROWS)
    known = pc.is_valid(latest["viewer"]).to_pylist()
    told = latest.select(COLUMNS).to_pylist()
    return [Row(**row, known=viewer) for row, viewer in zip(told, known, strict=True)]
