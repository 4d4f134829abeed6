"""Train our models and outside peers on a log and compare them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from recsys.benchmark.errors import OptionsUnusable
from recsys.benchmark.log import Choices

NAME = "benchmark"
HELP = "compare our models with outside peers on a known data set or on anybody's log"

PEERS = ("popularity", "item-rate", "logistic", "item-knn", "als", "ease", "lightgbm")
USUAL = ("dotdin", "deepfm", "din", *PEERS)
MODELS = ("dotdin", "deepfm", "din", *PEERS)
NONE = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the data, its columns, and what to run."""
    parser.add_argument("data", metavar="DATA", help="name of a known data set, or a .csv, .tsv, .parquet or .txt file")
    parser.add_argument("--models", type=_names, default=USUAL, help=f"some of {','.join(MODELS)} (%(default)s)")
    parser.add_argument("--seeds", type=_positive, default=1, metavar="N", help="trainings of each model (%(default)s)")
    parser.add_argument(
        "--split", choices=("global", "user"), default="global", help="later in time overall, or per user"
    )
    parser.add_argument("--no-histories", action="store_true", help="tell no model what users liked before")
    parser.add_argument("--json", type=Path, metavar="OUT", help="file for the report")
    parser.add_argument(
        "--carriers", type=Path, default=Path(".vitrine/carriers"), help="unpacked packages (%(default)s)"
    )
    parser.add_argument("--data-dir", type=Path, help="folder of the known data sets that no package carries")
    columns = parser.add_argument_group(
        "columns", "names are separated by commas; '-' says that there is no such column"
    )
    for name in ("user", "item", "timestamp"):
        columns.add_argument(f"--{name}", type=_column, default=name, metavar="COLUMN", help="(%(default)s)")
    columns.add_argument("--label", default="label", metavar="COLUMN", help="(%(default)s)")
    columns.add_argument("--positive-from", type=float, metavar="X", help="labels are ratings; from X on they are 1")
    columns.add_argument("--timestamp-format", metavar="FORMAT", help="strptime format of words (ISO 8601)")
    for name in ("categorical", "numeric", "ignore", "user-columns", "item-columns"):
        columns.add_argument(f"--{name}", type=_names, default=(), metavar="COLUMNS")
    columns.add_argument("--max-rows", type=_positive, metavar="N", help="only the latest rows")
    sequences = parser.add_argument_group("sequences", "files of one user a line, items in order, without labels")
    sequences.add_argument("--negatives", type=_positive, default=4, metavar="N", help="drawn per item (%(default)s)")
    sequences.add_argument("--max-users", type=_positive, metavar="N", help="only the first users")


def run(options: argparse.Namespace) -> int:
    """Run the benchmark, print the table, and write the report; 1 if a model failed."""
    # what only training installs is loaded when it is used
    from recsys.benchmark import known
    from recsys.benchmark.run import Plan, benchmark

    _check(options)
    log = known.read(
        options.data,
        choices=_choices(options),
        carriers=options.carriers,
        folder=options.data_dir,
        negatives=options.negatives,
        max_users=options.max_users,
    )
    print(f"{log.name}: {len(log)} rows", file=sys.stderr, flush=True)
    plan = Plan(tuple(options.models), options.seeds, options.split, not options.no_histories)
    report = benchmark(log, plan)
    print(report.table())
    if options.json is not None:
        report.write(options.json)
    return int(any(outcome.failed for outcome in report.outcomes))


def _check(options: argparse.Namespace) -> None:
    unknown = [name for name in options.models if name not in MODELS]
    if unknown or len(set(options.models)) < len(options.models):
        raise OptionsUnusable(
            f"--models is {','.join(options.models)}.",
            expected=f"some of {', '.join(MODELS)}, each once.",
            remedy="Name those, separated by commas.",
        )
    if options.json is not None and not options.json.parent.is_dir():
        raise OptionsUnusable(
            f"{options.json} cannot be written.", expected="a folder that exists.", remedy="Make the folder first."
        )


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


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _column(text: str) -> str | None:
    return None if text == NONE else text


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number
