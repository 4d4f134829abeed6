"""Anybody's CSV or Parquet file, read as a log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from recsys.benchmark.errors import (
    ColumnMissing,
    ColumnUnusable,
    DataEmpty,
    DataUnreadable,
    LabelUnusable,
    OneClass,
)
from recsys.benchmark.instants import HOUR, WEEKDAY, calendar_columns, instants
from recsys.benchmark.log import Choices, Codes, Column, Kind, Log, Role
from recsys.guard import refuse_forbidden

MOST_INTEGER_CATEGORIES = 50
"""An integer column of at most so many distinct values is taken for categories."""

NULLS = ["", "NaN", "nan", "null", "NULL"]


def read_log(path: Path, choices: Choices, *, name: str | None = None) -> Log:
    """Read a file whose name ends in .csv, .tsv or .parquet.

    Raises:
        BenchmarkRefused: the class says why.
        ForbiddenFeature: a column that is not ignored is derived from a face.
    """
    return interpret(read_table(path, choices), choices, name=name or path.stem)


def read_table(path: Path, choices: Choices) -> pa.Table:
    """Read a file as it is.

    Raises:
        DataUnreadable: there is none, or it is no such file.
        DataEmpty: it holds no rows.
    """
    try:
        table = pa.parquet.read_table(path) if path.suffix == ".parquet" else _read_text(path, choices)
    except (OSError, pa.ArrowException) as error:
        if "Empty CSV" in str(error):
            raise _no_rows(path.name) from error
        raise DataUnreadable(
            f"{path.name} cannot be read: {error}.",
            expected="a CSV, TSV or Parquet file with a header.",
            remedy="Check the path; a column whose later values look different from its first can be read as words "
            "with --categorical.",
        ) from error
    if table.num_rows == 0:
        raise _no_rows(path.name)
    return table


def interpret(table: pa.Table, choices: Choices, *, name: str) -> Log:
    """Check a table, infer the types of its columns, and sort it by time.

    Types: words and truth values are categories, so are integers of few distinct values; other numbers are numeric;
    moments become an hour and a weekday. Roles: a column with one value per item describes the item, one with one value
    per user the user, all others the moment.

    Raises:
        BenchmarkRefused, ForbiddenFeature: see `read_log`.
    """
    _check_names(table, choices)
    at = np.arange(table.num_rows) if choices.timestamp is None else _instants(table, choices)
    order = np.argsort(at, kind="stable")
    if choices.max_rows is not None:
        order = order[-choices.max_rows :]
    table, at = table.take(pa.array(order)), at[order]
    user, item = _codes_of(table, choices.user), _codes_of(table, choices.item)
    if choices.item is not None and (item < 0).any():
        raise ColumnUnusable(
            f"Column {choices.item} is empty in {int((item < 0).sum())} rows.",
            expected="an item in every row.",
            remedy="Remove those rows; only users may be absent.",
        )
    labels = _labels(table[choices.label], choices)
    columns = tuple(
        column
        for named in _further(table, choices)
        for column in _columns(named, table[named].combine_chunks(), user, item, choices)
    )
    if choices.timestamp is not None:
        columns += calendar_columns(choices.timestamp, at, choices.ignore)
    return Log(name, user, item, labels, at, columns, calendar=choices.timestamp is not None)


def codes(column: Any) -> Codes:
    """Number the distinct words of a column in the order in which they first occur."""
    encoded = pc.cast(column, pa.string()).dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    places: Codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return places


def _read_text(path: Path, choices: Choices) -> pa.Table:
    words = [*choices.categorical, *(column for column in (choices.user, choices.item) if column is not None)]
    return pa.csv.read_csv(
        path,
        parse_options=pa.csv.ParseOptions(delimiter="\t" if path.suffix == ".tsv" else ","),
        convert_options=pa.csv.ConvertOptions(
            column_types={word: pa.string() for word in words}, null_values=NULLS, strings_can_be_null=True
        ),
    )


def _no_rows(name: str) -> DataEmpty:
    return DataEmpty(f"{name} holds no rows.", expected="a header and some rows.", remedy="Export the log again.")


def _check_names(table: pa.Table, choices: Choices) -> None:
    special = [column for column in (choices.user, choices.item, choices.label, choices.timestamp) if column]
    calendar = {f"{choices.timestamp}.{part}" for part in (HOUR, WEEKDAY)}
    named = [*special, *choices.categorical, *choices.numeric, *choices.user_columns, *choices.item_columns]
    for column in [*named, *(column for column in choices.ignore if column not in calendar)]:
        if column not in table.column_names:
            raise ColumnMissing(
                f"There is no column {column}.",
                expected=f"one of {', '.join(table.column_names)}.",
                remedy="Name the columns with --user, --item, --label and --timestamp ('-' where there is none).",
            )
    twice = sorted({column for column in table.column_names if table.column_names.count(column) > 1})
    if twice or len(set(special)) < len(special) or set(choices.categorical) & set(choices.numeric):
        raise ColumnUnusable(
            f"Columns are used twice: {', '.join(twice) or 'see the options'}.",
            expected="every column once.",
            remedy="Rename one of them, or say only once what it is.",
        )
    refuse_forbidden(_further(table, choices))


def _further(table: pa.Table, choices: Choices) -> list[str]:
    taken = {choices.user, choices.item, choices.label, choices.timestamp, *choices.ignore}
    return [column for column in table.column_names if column not in taken]


def _instants(table: pa.Table, choices: Choices) -> NDArray[np.int64]:
    assert choices.timestamp is not None
    return instants(table[choices.timestamp].combine_chunks(), choices.timestamp, choices.timestamp_format)


def _codes_of(table: pa.Table, column: str | None) -> Codes:
    return np.full(table.num_rows, -1, dtype=np.int64) if column is None else codes(table[column])


def _labels(column: Any, choices: Choices) -> NDArray[np.float32]:
    remedy = "Remove those rows; ratings become labels with --positive-from."
    try:
        values = pc.cast(column, pa.float64()).to_numpy()
    except pa.ArrowException as error:
        raise LabelUnusable(
            f"Column {choices.label} holds {column.type}.", expected="numbers 0 and 1.", remedy=remedy
        ) from error
    absent = int(np.isnan(values).sum())
    if absent:
        raise LabelUnusable(
            f"Column {choices.label} is empty or NaN in {absent} rows.", expected="a label in every row.", remedy=remedy
        )
    labels: NDArray[np.float32] = values.astype(np.float32)
    if choices.positive_from is not None:
        labels = (values >= choices.positive_from).astype(np.float32)
    strange = np.setdiff1d(labels, [0, 1])
    if len(strange):
        raise LabelUnusable(
            f"Column {choices.label} holds {', '.join(f'{value:g}' for value in strange[:5])}.",
            expected="0 or 1.",
            remedy=remedy,
        )
    if len(np.unique(labels)) < 2:
        raise OneClass(
            f"All {len(labels)} labels are {labels[0]:.0f}.",
            expected="both 0 and 1.",
            remedy="Export what did not succeed as well, or choose another --positive-from.",
        )
    return labels


def _columns(name: str, column: Any, user: Codes, item: Codes, choices: Choices) -> tuple[Column, ...]:
    if pa.types.is_temporal(column.type) and name not in choices.categorical:
        return calendar_columns(name, instants(column, name, None, absent=True), choices.ignore)
    kind = _kind(name, column, choices)
    words, values = np.empty(0, dtype=np.int64), np.empty(0)
    if kind == "categorical":
        words = _words(name, column)
        distinct = words
    else:
        values = _numbers(name, column)
        distinct = np.unique(values, return_inverse=True)[1]
    if len(np.unique(distinct)) < 2:
        return ()  # a column that never changes tells nothing
    return (Column(name, kind, _role(name, distinct, user, item, choices), words, values),)


def _kind(name: str, column: Any, choices: Choices) -> Kind:
    if name in choices.categorical:
        return "categorical"
    if name in choices.numeric or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return "numeric"
    many = pa.types.is_integer(column.type) and pc.count_distinct(column).as_py() > MOST_INTEGER_CATEGORIES
    return "numeric" if many else "categorical"


def _words(name: str, column: Any) -> Codes:
    try:
        return codes(column)
    except pa.ArrowException as error:
        raise _unusable(name, column, "words or numbers") from error


def _numbers(name: str, column: Any) -> NDArray[np.float64]:
    try:
        values: NDArray[np.float64] = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    except pa.ArrowException as error:
        raise _unusable(name, column, "numbers") from error
    return np.where(np.isfinite(values), values, np.nan)


def _unusable(name: str, column: Any, expected: str) -> ColumnUnusable:
    return ColumnUnusable(
        f"Column {name} holds {column.type}.", expected=f"{expected}.", remedy=f"Leave it out: --ignore {name}."
    )


def _role(name: str, distinct: Codes, user: Codes, item: Codes, choices: Choices) -> Role:
    if name in choices.item_columns:
        return "item"
    if name in choices.user_columns:
        return "user"
    if _determines(item, distinct):
        return "item"
    return "user" if _determines(user, distinct) else "context"


def _determines(owner: Codes, distinct: Codes) -> bool:
    """Tell whether each owner has one value only, and owners occur often enough for that to mean something."""
    owners = len(np.unique(owner))
    if (owner < 0).any() or 2 * owners > len(owner):
        return False
    return len(np.unique(owner * (distinct.max() + 2) + distinct + 1)) == owners
