"""The log that a command learns from: arguments that say what it is, and reading it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.benchmark.log import Choices

if TYPE_CHECKING:
    from recsys.benchmark.log import Log

NONE = "-"


def add_log(parser: argparse.ArgumentParser) -> None:
    """Declare the data, its split and its columns."""
    parser.add_argument("data", metavar="DATA", help="name of a known data set, or a .csv, .tsv, .parquet or .txt file")
    parser.add_argument(
        "--split", choices=("global", "user"), default="global", help="later in time overall, or per user"
    )
    parser.add_argument("--no-histories", action="store_true", help="tell no model what users liked before")
    parser.add_argument(
        "--carriers", type=Path, default=Path(".vitrine/carriers"), help="unpacked packages (%(default)s)"
    )
    parser.add_argument("--data-dir", type=Path, help="folder of the known data sets that no package carries")
    columns = parser.add_argument_group(
        "columns", "names are separated by commas; '-' says that there is no such column"
    )
    for name in ("user", "item", "timestamp"):
        columns.add_argument(f"--{name}", type=column, default=name, metavar="COLUMN", help="(%(default)s)")
    columns.add_argument("--label", default="label", metavar="COLUMN", help="(%(default)s)")
    columns.add_argument("--positive-from", type=float, metavar="X", help="labels are ratings; from X on they are 1")
    columns.add_argument("--timestamp-format", metavar="FORMAT", help="strptime format of words (ISO 8601)")
    for name in ("categorical", "numeric", "ignore", "user-columns", "item-columns"):
        columns.add_argument(f"--{name}", type=names, default=(), metavar="COLUMNS")
    columns.add_argument("--max-rows", type=positive, metavar="N", help="only the latest rows")
    sequences = parser.add_argument_group("sequences", "files of one user a line, items in order, without labels")
    sequences.add_argument("--negatives", type=positive, default=4, metavar="N", help="drawn per item (%(default)s)")
    sequences.add_argument("--max-users", type=positive, metavar="N", help="only the first users")


def read_log(options: argparse.Namespace) -> Log:
    """Read the log that the arguments of `add_log` describe, and say how large it is.

    Raises:
        BenchmarkRefused: there is no such log, or it cannot be read as one.
    """
    from recsys.benchmark import known  # what only training installs is loaded when it is used

    log = known.read(
        options.data,
        choices=_choices(options),
        carriers=options.carriers,
        folder=options.data_dir,
        negatives=options.negatives,
        max_users=options.max_users,
    )
    print(f"{log.name}: {len(log)} rows", file=sys.stderr, flush=True)
    return log


def names(text: str) -> tuple[str, ...]:
    """Take names apart at their commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number


def column(text: str) -> str | None:
    """Read the name of a column, None for the word that there is none."""
    return None if text == NONE else text


def _choices(options: argparse.Namespace) -> Choices:
    return Choices(
        user=options.user,
        item=options.item,
        label=options.label,
        timestamp=options.timestamp,
        positive_from=options.positive_from,
        timestamp_format=options.timestamp_format,
        categorical=options.categorical,
        numeric=options.numeric,
        ignore=options.ignore,
        user_columns=options.user_columns,
        item_columns=options.item_columns,
        max_rows=options.max_rows,
    )
