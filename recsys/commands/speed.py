"""Time our networks as they serve, and LightGBM beside them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from recsys.benchmark.errors import OptionsUnusable
from recsys.commands.benchmark import NETWORKS
from recsys.commands.log import names, positive
from recsys.commands.outputs import check_output

NAME = "speed"
HELP = "time our networks as they serve, and LightGBM beside them, on one thread"

USUAL = ("deepfm", "din", "dotdin")
COUNTS = (20, 100, 200, 500, 2_000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to time."""
    parser.add_argument("--models", type=names, default=USUAL, help=f"some of {','.join(NETWORKS)} (%(default)s)")
    parser.add_argument("--rounds", type=positive, default=200, metavar="N", help="decisions of each (%(default)s)")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: what this program took of a busy machine"
    )
    parser.add_argument(
        "--accuracy", metavar="DATA", help="also train the models on this known data set and print their AUCs"
    )
    parser.add_argument("--seeds", type=positive, default=3, metavar="N", help="trainings of each (%(default)s)")
    parser.add_argument(
        "--carriers", type=Path, default=Path(".vitrine/carriers"), help="unpacked packages (%(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="file for the report")


def run(options: argparse.Namespace) -> int:
    """Time, print the table and what it says of the bars, and write the report."""
    # what only training installs is loaded when it is used
    from recsys.benchmark import known
    from recsys.benchmark.fidelity import fidelity
    from recsys.benchmark.log import Choices
    from recsys.benchmark.speed import SpeedPlan, measure_speed

    unknown = [name for name in options.models if name not in NETWORKS]
    if unknown or not options.models:
        raise OptionsUnusable(
            f"--models is {','.join(options.models)}.",
            expected=f"some of {', '.join(NETWORKS)}.",
            remedy="Name those, separated by commas.",
        )
    check_output(options.json)
    log = options.accuracy and known.read(options.accuracy, choices=Choices(), carriers=options.carriers)
    report = measure_speed(SpeedPlan(tuple(options.models), COUNTS, options.rounds, options.clock))
    if log:
        report = replace(report, fidelity=fidelity(log, options.models, options.seeds))
    print(report.table())
    if options.json is not None:
        report.write(options.json)
    return 0
