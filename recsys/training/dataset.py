"""The exported log: its schema, its checks, and its split into earlier and later."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recsys.columns import NUMBERS, WordLists, Words, encode_columns
from recsys.features import DEFAULT_SPEC, FeatureSpec, Feeds
from recsys.guard import ALWAYS, FeaturePolicy
from recsys.training.errors import (
    DuplicateExamples,
    EmptyLog,
    MissingColumns,
    MissingValues,
    OneClass,
    UnreadableDataset,
    ValueOutOfRange,
    WrongColumnType,
)

SCHEMA = pa.schema(
    [
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("viewer", pa.string()),
        pa.field("creative", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("advertiser", pa.string()),
        pa.field("screen", pa.string(), nullable=False),
        pa.field("venue", pa.string(), nullable=False),
        pa.field("venue_category", pa.string(), nullable=False),
        pa.field("scene", pa.string(), nullable=False),
        pa.field("hour", pa.int8(), nullable=False),
        pa.field("weekday", pa.int8(), nullable=False),
        pa.field("position", pa.int16(), nullable=False),
        pa.field("party", pa.int16(), nullable=False),
        pa.field("propensity", pa.float64()),
        pa.field("history_creatives", pa.list_(pa.string()), nullable=False),
        pa.field("history_categories", pa.list_(pa.string()), nullable=False),
        pa.field("label", pa.int8(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("view", pa.int8()),
        pa.field("dwell_seconds", pa.float32()),
        pa.field("touch", pa.int8()),
        pa.field("scan", pa.int8()),
        pa.field("conversion", pa.int8()),
    ]
)
"""What the export writes; integers of any width and large strings are read as well."""

TASKS = ("view", "dwell_seconds", "touch", "scan", "conversion")
"""Labels of single tasks beside `label`: null where nobody could tell; a log may lack these columns."""

LISTS = {"history_creative": "history_creatives", "history_category": "history_categories"}
TRAIN_SHARE, VALIDATION_SHARE = 0.70, 0.15


@dataclass(frozen=True, slots=True)
class Examples:
    """Encoded examples, oldest first.

    Attributes:
        feeds: the model's inputs, see `recsys.columns.encode_columns`.
        labels: 1 engaged, 0 did not; float32, shape (rows,).
        at: microseconds since 1970 UTC, int64, shape (rows,).
        viewer: pseudonyms; absent for anonymous viewers.
        creative, category, source: words of the rows.
        tasks: labels of single tasks by the names of `TASKS`, float32, shape (rows,), NaN where nobody could tell.
    """

    feeds: Feeds
    labels: NDArray[np.float32]
    at: NDArray[np.int64]
    viewer: Words
    creative: Words
    category: Words
    source: Words
    tasks: dict[str, NDArray[np.float32]] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.intp]) -> Examples:
        """Select rows."""
        return Examples(
            feeds={name: ids[rows] for name, ids in self.feeds.items()},
            labels=self.labels[rows],
            at=self.at[rows],
            viewer=self.viewer.take(rows),
            creative=self.creative.take(rows),
            category=self.category.take(rows),
            source=self.source.take(rows),
            tasks={name: values[rows] for name, values in self.tasks.items()},
        )


class Split(NamedTuple):
    """Three parts; within each source, each is strictly later than the one before."""

    train: Examples
    validation: Examples
    test: Examples


def read_dataset(
    path: Path, *, spec: FeatureSpec = DEFAULT_SPEC, max_rows: int | None = None, policy: FeaturePolicy = ALWAYS
) -> Examples:
    """Read an exported log, check it and encode it, oldest example first.

    Args:
        max_rows: keep only the latest rows.
        policy: what the columns may be.

    Raises:
        ForbiddenFeature: a column is derived from a face, protected, or denied by a scene.
        TrainingRefused: the file, its schema or its values are not what training needs; the class says which.
    """
    policy.refuse(spec.names)
    table = _read_table(path, policy)
    _check_values(table)
    table = table.sort_by([("at", "ascending"), ("example_id", "ascending")])
    if max_rows is not None:
        table = table.slice(max(table.num_rows - max_rows, 0))
    return _encode(table.combine_chunks(), spec)


def data_digest(path: Path) -> str:
    """Compute the SHA-256 of an exported log, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def split_by_time(examples: Examples) -> Split:
    """Split each source into train, validation and test so that every part is strictly later than the one before.

    Each source by itself: a log that was imported may be years older than the plays, and would otherwise be all of the
    train part and none of the test part. Rows of the same instant stay together, in the later part.

    Raises:
        OneClass: a part holds no rows or only one kind of label.
    """
    sources = [np.flatnonzero(examples.source.codes == code) for code in np.unique(examples.source.codes)]
    cuts = [_cut(examples.at, rows) for rows in sources]
    split = Split(*(examples.take(np.sort(np.concatenate(parts))) for parts in zip(*cuts, strict=True)))
    for name, part in zip(Split._fields, split, strict=True):
        if len(np.unique(part.labels)) < 2:
            raise OneClass(
                f"the {name} part ({len(part)} of {len(examples)} rows, split by time) needs both labels 0 and 1, "
                f"and holds {int(part.labels.sum())} positives"
            )
    return split


def _cut(at: NDArray[np.int64], rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], ...]:
    """Split the rows of one source, oldest first, into its three parts."""
    times = at[rows]
    first = _boundary(times, round(len(rows) * TRAIN_SHARE))
    second = _boundary(times, round(len(rows) * (TRAIN_SHARE + VALIDATION_SHARE)))
    return rows[:first], rows[first:second], rows[second:]


def _boundary(at: NDArray[np.int64], row: int) -> int:
    if row >= len(at):
        return len(at)
    return int(np.searchsorted(at, at[row], side="left"))


def _read_table(path: Path, policy: FeaturePolicy) -> pa.Table:
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        policy.refuse(names)
        missing = [field.name for field in SCHEMA if field.name not in names and field.name not in TASKS]
        if missing:
            raise MissingColumns(f"the log lacks the columns {', '.join(missing)}")
        table = _with_tasks(file.read(columns=[name for name in SCHEMA.names if name in names]))
    except (OSError, pa.ArrowException) as error:
        raise UnreadableDataset(f"{path.name} cannot be read as Parquet: {error}") from error
    if table.num_rows == 0:
        raise EmptyLog(f"{path.name} holds no examples")
    return table.select(SCHEMA.names)


def _with_tasks(table: pa.Table) -> pa.Table:
    for name in TASKS:
        if name not in table.column_names:
            field = SCHEMA.field(name)
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table


def _check_values(table: pa.Table) -> None:
    for field in SCHEMA:
        column = table[field.name]
        if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
            raise MissingValues(f"column {field.name} holds NaN")
        if not field.nullable and column.null_count:
            raise MissingValues(f"column {field.name} holds {column.null_count} nulls")
        if not _compatible(column.type, field.type):
            raise WrongColumnType(f"column {field.name} is {column.type}, expected {field.type}")
    for name in LISTS.values():
        if table[name].combine_chunks().flatten().null_count:
            raise MissingValues(f"column {name} holds lists with nulls in them")
    if pc.count_distinct(table["example_id"]).as_py() < table.num_rows:
        raise DuplicateExamples("example_id must be different in every row")
    labels = set(pc.unique(table["label"]).to_pylist())
    if not labels <= {0, 1}:
        raise ValueOutOfRange(f"labels must be 0 or 1, found {sorted(labels - {0, 1})[:5]}")
    _check_tasks(table)
    lowest, highest = pc.min_max(table["propensity"]).as_py().values()
    if lowest is not None and not 0 < lowest <= highest <= 1:
        raise ValueOutOfRange(f"propensities must be above 0 and at most 1, found {lowest} to {highest}")
    counts = (pc.list_value_length(table[name]) for name in LISTS.values())
    if not pc.all(pc.equal(*counts)).as_py():
        raise ValueOutOfRange("history_creatives and history_categories must be equally long in every row")


def _check_tasks(table: pa.Table) -> None:
    for name in TASKS:
        found = set(pc.unique(table[name]).to_pylist()) - {None, 0, 1} if name != "dwell_seconds" else set()
        if found:
            raise ValueOutOfRange(f"{name} must be 0, 1 or null, found {sorted(found)[:5]}")
    shortest, longest = pc.min_max(table["dwell_seconds"]).as_py().values()
    if shortest is not None and not 0 <= shortest <= longest < float("inf"):
        raise ValueOutOfRange(f"dwell_seconds must be finite and not negative, found {shortest} to {longest}")


def _compatible(found: pa.DataType, expected: pa.DataType) -> bool:
    if pa.types.is_list(expected):
        return (pa.types.is_list(found) or pa.types.is_large_list(found)) and _compatible(
            found.value_type, expected.value_type
        )
    if pa.types.is_string(expected):
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_null(found))
    if pa.types.is_timestamp(expected):
        return bool(pa.types.is_timestamp(found) and found.tz is not None)
    if pa.types.is_integer(expected):
        return bool(pa.types.is_integer(found) or pa.types.is_null(found))
    return bool(pa.types.is_floating(found) or pa.types.is_null(found))


def _encode(table: pa.Table, spec: FeatureSpec) -> Examples:
    words = {
        field.name: _words(table[field.name].combine_chunks())
        for field in SCHEMA
        if pa.types.is_string(field.type) and field.name != "example_id"
    }
    numbers = {name: table[name].to_numpy().astype(np.int64) for name in NUMBERS}
    histories = {name: _lists(table[column].combine_chunks()) for name, column in LISTS.items()}
    named: Mapping[str, Words] = {name: words[name] for name in ("viewer", "creative", "category", "source")}
    return Examples(
        feeds=encode_columns(words, numbers, histories, spec),
        labels=table["label"].to_numpy().astype(np.float32),
        at=table["at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy(),
        tasks={name: pc.cast(table[name], pa.float32()).to_numpy() for name in TASKS},
        **named,
    )


def _words(column: Any) -> Words:
    encoded = pc.cast(column, pa.string()).dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return Words(tuple(encoded.dictionary.to_pylist()), codes)


def _lists(column: Any) -> WordLists:
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    return WordLists(_words(column.flatten()), offsets)
