"""Compare policies before a simulated audience whose tastes are known."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from recsys.benchmark.errors import OptionsUnusable

NAME = "policy-bench"
HELP = "compare the greedy ranker, exploration heads and learnt slate policies where the truth is known"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the size of the simulation."""
    for name, default, text in (
        ("seeds", 5, "worlds"),
        ("decisions", 20_000, "slates in the log that policies learn from"),
        ("rounds", 5, "rounds of acting; heads learn after each"),
        ("round-size", 500, "slates in a round"),
        ("creatives", 30, "creatives in the catalogue"),
        ("fresh", 6, "creatives that the log has never shown"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{text} (%(default)s)")
    parser.add_argument(
        "--weariness", type=float, default=2.0, metavar="X",
        help="log-odds lost for each earlier place of the same category; 0: places do not matter to each other"
        " (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="OUT", help="file for the report")


def run(options: argparse.Namespace) -> int:
    """Run the simulation and print the table."""
    if min(options.seeds, options.decisions, options.rounds, options.round_size) < 1:
        raise OptionsUnusable(
            "There is nothing to simulate.", expected="at least one seed, decision and round.",
            remedy="Give larger numbers.",
        )  # fmt: skip
    if options.json is not None and not options.json.parent.is_dir():
        raise OptionsUnusable(
            f"{options.json} cannot be written.", expected="a folder that exists.", remedy="Make the folder first."
        )
    # TensorFlow takes seconds to load
    from recsys.benchmark import policies
    from recsys.benchmark.world import Shape

    try:
        shape = Shape(creatives=options.creatives, fresh=options.fresh, weariness=options.weariness)
    except ValueError as error:
        raise OptionsUnusable(
            f"{error}.", expected="more creatives than fresh ones and places.", remedy="Give other numbers."
        ) from error
    plan = policies.Plan(options.seeds, options.decisions, options.rounds, options.round_size, shape)
    found = policies.compare(plan, lambda line: print(line, file=sys.stderr, flush=True))
    print(policies.table(plan, found))
    if options.json is not None:
        policies.write(options.json, plan, found)
    return 0
