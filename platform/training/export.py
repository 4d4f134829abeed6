"""From rows to a Parquet file: streamed in row groups, complete before it has its name. Needs pyarrow."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recsys.training.dataset import SCHEMA, data_digest
from training.errors import RunFailed

GROUP = 10_000
"""Rows held in memory at once."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished file.

    Attributes:
        sha256: of the file, 64 hexadecimal digits.
        viewers: distinct keys of people named in it.
    """

    path: Path
    sha256: str
    rows: int
    bytes: int
    viewers: frozenset[str]


def write(examples: Iterable[Mapping[str, Any]], path: Path, *, tell: Callable[[int], None]) -> Exported:
    """Write examples to ``path`` and tell after each group how many were written.

    Raises:
        RunFailed: there was no example, or one does not fit the schema; no file is left.
    """
    draft = path.with_suffix(".part")
    rows, viewers = 0, set[str]()
    try:
        with pq.ParquetWriter(draft, SCHEMA, compression="zstd") as writer:
            for group in _groups(examples):
                writer.write_batch(pa.RecordBatch.from_pylist(group, schema=SCHEMA))
                viewers.update(row["viewer"] for row in group if row["viewer"] is not None)
                rows += len(group)
                tell(rows)
        if not rows:
            raise RunFailed("empty_log", "There is nothing to learn from yet: no play was recorded, no log imported.")
        draft.replace(path)
    except (pa.ArrowException, KeyError, TypeError) as error:
        raise RunFailed("export_failed", f"The log could not be exported: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return Exported(path, data_digest(path), rows, path.stat().st_size, frozenset(viewers))


def _groups(examples: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    rest = iter(examples)
    while group := list(islice(rest, GROUP)):
        yield group
