"""Why a benchmark is refused: what happened, what was expected, and what to do about it."""

from __future__ import annotations


class BenchmarkRefused(ValueError):
    """A benchmark cannot be run on what it was given; ``code`` is stable, the sentences are for people."""

    code = "benchmark_refused"

    def __init__(self, happened: str, *, expected: str, remedy: str) -> None:
        super().__init__(f"{happened} Expected: {expected} {remedy}")
        self.happened, self.expected, self.remedy = happened, expected, remedy


class DataUnreadable(BenchmarkRefused):
    """The file is missing, cut short, or neither CSV nor Parquet nor sequences."""

    code = "data_unreadable"


class DataUnknown(BenchmarkRefused):
    """The name is that of no known data set and of no file."""

    code = "data_unknown"


class ColumnMissing(BenchmarkRefused):
    """A column that was named is not in the data."""

    code = "column_missing"


class ColumnUnusable(BenchmarkRefused):
    """A column cannot be used in the way it was asked for."""

    code = "column_unusable"


class DataEmpty(BenchmarkRefused):
    """The data holds no rows, or too few to be split."""

    code = "data_empty"


class LabelUnusable(BenchmarkRefused):
    """A label is absent, NaN, or neither 0 nor 1."""

    code = "label_unusable"


class TimestampUnusable(BenchmarkRefused):
    """A timestamp is absent or cannot be understood."""

    code = "timestamp_unusable"


class OneClass(BenchmarkRefused):
    """A part of the split holds only one kind of label."""

    code = "one_class"


class OptionsUnusable(BenchmarkRefused):
    """The options contradict each other or the data."""

    code = "options_unusable"
