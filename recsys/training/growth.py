"""What learning costs in memory while the words of a log grow: `python -m recsys.training.growth WORDS ROWS`.

Writes a log whose histories name so many different creatives, then checks, streams and learns from it once, as training
does with a log too long to be held. Prints the megabytes that the process had at most, and those after import.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recsys.features import HISTORY_LENGTH, specify
from recsys.training.schema import SCHEMA

GROUP = 10_000
HELD = 20_000
IDS = 1_000_003


def write_log(path: Path, *, words: int, rows: int) -> None:
    """Write a log of at least 10,000 rows whose histories go through so many creatives, in groups of rows."""
    random = np.random.default_rng(3)
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for start in range(0, rows, GROUP):
            places = np.arange(start, min(start + GROUP, rows))
            past = (places[:, None] * HISTORY_LENGTH + np.arange(HISTORY_LENGTH)) % words
            writer.write_table(_group(places, past, random))


def _group(places: np.ndarray, past: np.ndarray, random: np.random.Generator) -> pa.Table:
    rows = len(places)
    offsets = pa.array(np.arange(rows + 1) * HISTORY_LENGTH, pa.int32())
    columns: dict[str, object] = {
        "example_id": _named("example-", places),
        "at": pa.array(places * 1_000_000, pa.timestamp("us", tz="UTC")),
        "viewer": _named("viewer-", places),
        "history_creatives": pa.ListArray.from_arrays(offsets, _named("creative-", past.reshape(-1))),
        "history_categories": pa.ListArray.from_arrays(offsets, _named("category-", past.reshape(-1) % 40)),
        "label": pa.array(random.integers(0, 2, rows), pa.int8()),
        "creative": _named("creative-", random.integers(0, 5_000, rows)),
    }
    for field in SCHEMA:
        if field.name not in columns:
            shared = pa.scalar("one") if pa.types.is_string(field.type) else pa.scalar(1)
            columns[field.name] = pc.cast(pa.array([shared.as_py()] * rows), field.type)
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _named(prefix: str, numbers: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pc.cast(pa.array(numbers), pa.string()), "")


def megabytes() -> float:
    """Tell how much memory this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(words: int, rows: int) -> None:
    """Write, read, learn, and print."""
    from recsys.training.dataset import read_split
    from recsys.training.fit import fit
    from recsys.training.networks import build

    spec = specify(viewers=IDS, creatives=IDS)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        write_log(path, words=words, rows=rows)
        before = megabytes()
        split = read_split(path, spec=spec, held=HELD)
        fit(build("deepfm", spec, 1), split, stage="deepfm", epochs=1, batch_size=1_024)
    sys.stdout.write(json.dumps({"words": words, "rows": rows, "before": before, "peak": megabytes()}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
