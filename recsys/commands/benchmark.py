"""Train our models and outside peers on a log and compare them."""

from __future__ import annotations

import argparse
from pathlib import Path

from recsys.benchmark.errors import OptionsUnusable
from recsys.commands.log import add_log, names, positive, read_log
from recsys.commands.outputs import check_output

NAME = "benchmark"
HELP = "compare our models with outside peers on a known data set or on anybody's log"

PEERS = ("popularity", "item-rate", "logistic", "item-knn", "als", "ease", "lightgbm")
NETWORKS = ("dotdin", "deepfm", "din", "fm", "fwfm", "dcn", "bst", "sasrec", "gru")
MODELS = (*NETWORKS, "dotdin-items", "tuned", *PEERS)
USUAL = ("dotdin-items", "dotdin", "deepfm", "din", *PEERS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the data, its columns, and what to run."""
    add_log(parser)
    parser.add_argument("--models", type=names, default=USUAL, help=f"some of {','.join(MODELS)} (%(default)s)")
    parser.add_argument("--seeds", type=positive, default=1, metavar="N", help="trainings of each model (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="file for the report")


def run(options: argparse.Namespace) -> int:
    """Run the benchmark, print the table, and write the report; 1 if a model failed."""
    from recsys.benchmark.run import Plan, benchmark  # what only training installs is loaded when it is used

    _check(options)
    log = read_log(options)
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
    check_output(options.json)
