"""Reading an exported log from Parquet, a chunk of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recsys.columns import NUMBERS, WordLists, Words, encode_columns
from recsys.features import FeatureSpec, Feeds
from recsys.guard import ALWAYS, FeaturePolicy
from recsys.training.errors import EmptyLog, MissingColumns, UnreadableDataset
from recsys.training.schema import LISTS, SCHEMA, TASKS

CHUNK = 16_384
"""Rows held as words at once."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a log in the order of the file.

    Attributes:
        first: number of the first row in the file.
        table: columns of the schema that were asked for.
    """

    first: int
    table: pa.Table


class LogFile:
    """An exported log whose columns are known to be there.

    Raises:
        ForbiddenFeature: a column is derived from a face, protected, or denied by a scene.
        UnreadableDataset: the file is missing, cut short or no Parquet.
        MissingColumns: the log lacks columns.
        EmptyLog: it has no rows.
    """

    def __init__(self, path: Path, policy: FeaturePolicy = ALWAYS) -> None:
        self.path = path
        with _named(path):
            with pq.ParquetFile(path) as file:
                self.names, metadata = file.schema_arrow.names, file.metadata
            self.rows = metadata.num_rows
            sizes = [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)]
        self.starts = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
        policy.refuse(self.names)
        missing = [name for name in SCHEMA.names if name not in self.names and name not in TASKS]
        if missing:
            raise MissingColumns(f"the log lacks the columns {', '.join(missing)}")
        if not self.rows:
            raise EmptyLog(f"{path.name} holds no examples")

    @property
    def groups(self) -> int:
        """Count the row groups."""
        return len(self.starts) - 1

    def chunks(
        self, columns: Sequence[str] = tuple(SCHEMA.names), groups: Sequence[int] | None = None
    ) -> Iterator[Chunk]:
        """Read columns of the schema, chunk by chunk.

        Args:
            groups: row groups in the order wanted, None for all from the first to the last.

        Raises:
            UnreadableDataset: the file is damaged.
        """
        present = [name for name in columns if name in self.names]
        with _named(self.path), pq.ParquetFile(self.path) as file:
            for group in range(self.groups) if groups is None else groups:
                first = int(self.starts[group])
                for batch in file.iter_batches(CHUNK, row_groups=[group], columns=present, use_threads=False):
                    yield Chunk(first, _with_tasks(pa.Table.from_batches([batch]), columns))
                    first += batch.num_rows

    def take(self, columns: Sequence[str], keep: Callable[[pa.Table], Any]) -> pa.Table:
        """Read columns of some rows, in the order of the file, holding no others but those of a chunk.

        Args:
            keep: tells which rows of a chunk, as an Arrow array of booleans; nulls are left out.

        Raises:
            UnreadableDataset: the file is damaged.
        """
        empty = pa.schema([SCHEMA.field(name) for name in columns]).empty_table()
        parts = [chunk.table.filter(keep(chunk.table)) for chunk in self.chunks(columns)]
        return pa.concat_tables([empty, *(part for part in parts if part.num_rows)], promote_options="permissive")


def encode(table: pa.Table, spec: FeatureSpec) -> Feeds:
    """Encode rows of the schema's columns; see `recsys.columns.encode_columns`."""
    strings = [field.name for field in SCHEMA if pa.types.is_string(field.type) and field.name != "example_id"]
    return encode_columns(
        {name: words(table[name]) for name in strings},
        {name: table[name].to_numpy().astype(np.int64) for name in NUMBERS},
        {name: _lists(table[column].combine_chunks()) for name, column in LISTS.items()},
        spec,
    )


def words(column: pa.ChunkedArray) -> Words:
    """Take a column of words apart into distinct words and codes."""
    return _words(column.combine_chunks())


def labels(table: pa.Table) -> NDArray[np.float32]:
    """Take the labels of engagement; float32, shape (rows,)."""
    found: NDArray[np.float32] = table["label"].to_numpy().astype(np.float32)
    return found


def tasks(table: pa.Table) -> dict[str, NDArray[np.float32]]:
    """Take the labels of single tasks; float32, shape (rows,) each, NaN where null."""
    return {name: pc.cast(table[name], pa.float32()).to_numpy() for name in TASKS}


def instants(table: pa.Table) -> NDArray[np.int64]:
    """Take the times of rows: microseconds since 1970 UTC, shape (rows,)."""
    found: NDArray[np.int64] = table["at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    return found


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say which file could not be read."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise UnreadableDataset(f"{path.name} cannot be read as Parquet: {error}") from error


def _with_tasks(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    for name in columns:
        if name not in table.column_names:
            field = SCHEMA.field(name)
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(list(columns))


def _words(column: Any) -> Words:
    encoded = pc.cast(column, pa.large_string()).dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return Words(tuple(encoded.dictionary.to_pylist()), codes)


def _lists(column: Any) -> WordLists:
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    return WordLists(_words(column.flatten()), offsets)
