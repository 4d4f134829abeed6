"""When things happened, however a file writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recsys.benchmark.errors import TimestampUnusable
from recsys.benchmark.log import Column

HOUR, WEEKDAY = "hour", "weekday"
ABSENT = np.iinfo(np.int64).min
MICROSECONDS = 1_000_000
LARGEST = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (np.inf, 1e-3))
"""Numbers below the first are seconds, below the next milliseconds, then microseconds, then nanoseconds."""


def instants(column: Any, name: str, style: str | None, *, absent: bool = False) -> NDArray[np.int64]:
    """Read a column of moments as microseconds since 1970 UTC; int64, shape (rows,).

    Args:
        style: strptime format for words; None for ISO 8601. Words without a zone are UTC.
        absent: whether empty places are allowed; they become the smallest int64.

    Raises:
        TimestampUnusable: a place is empty, or holds no moment.
    """
    if column.null_count and not absent:
        raise _unusable(name, f"is empty in {column.null_count} rows")
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _of_numbers(column, name)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        moments = pc.cast(column, pa.timestamp("us", tz=getattr(column.type, "tz", None)), safe=False)
        found: NDArray[np.int64] = pc.fill_null(pc.cast(moments, pa.int64()), ABSENT).to_numpy(zero_copy_only=False)
        return found
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.array([_of_words(words, name, style) for words in column.to_pylist()], dtype=np.int64)
    if absent and pa.types.is_time(column.type):
        return _of_clock(column)
    raise _unusable(name, f"holds {column.type}")


def calendar_columns(name: str, at: NDArray[np.int64], ignore: tuple[str, ...]) -> tuple[Column, ...]:
    """Derive the hour of the day and the day of the week (Monday is 0), in UTC, unless they never change."""
    hours = at // (3600 * MICROSECONDS)
    parts = {HOUR: hours % 24, WEEKDAY: (hours // 24 + 3) % 7}  # 1970 began on a Thursday
    return tuple(
        Column(f"{name}.{part}", "categorical", "context", np.where(at == ABSENT, -1, values), np.empty(0))
        for part, values in parts.items()
        if f"{name}.{part}" not in ignore and len(np.unique(values)) > 1
    )


def _of_numbers(column: Any, name: str) -> NDArray[np.int64]:
    values = column.to_numpy(zero_copy_only=False).astype(np.float64)
    if not np.isfinite(values).all():
        raise _unusable(name, "holds NaN or infinity")
    largest = float(np.abs(values).max())
    scale = next(scale for limit, scale in LARGEST if largest < limit)
    rounded: NDArray[np.int64] = np.round(values * scale).astype(np.int64)
    return rounded


def _of_words(words: str, name: str, style: str | None) -> int:
    try:
        moment = datetime.fromisoformat(words) if style is None else datetime.strptime(words, style)
    except (TypeError, ValueError) as error:
        raise _unusable(name, f"holds {words!r}") from error
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * MICROSECONDS + since.microseconds


def _of_clock(column: Any) -> NDArray[np.int64]:
    clock = pc.cast(pc.cast(column, pa.time64("us")), pa.int64())
    found: NDArray[np.int64] = pc.fill_null(clock, ABSENT).to_numpy(zero_copy_only=False)
    return found


def _unusable(name: str, happened: str) -> TimestampUnusable:
    return TimestampUnusable(
        f"Column {name} {happened}.",
        expected="ISO 8601, a moment of Parquet, or seconds, milli-, micro- or nanoseconds since 1970.",
        remedy="Say how words are written with --timestamp-format, or --timestamp - when rows are in order of time.",
    )
