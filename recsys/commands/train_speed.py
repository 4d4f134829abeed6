"""Time how fast our networks learn, beside deepctr's as they come."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.commands.log import positive
from recsys.commands.outputs import check_output

if TYPE_CHECKING:
    from recsys.features import FeatureSpec
    from recsys.training.dataset import Split
    from recsys.training.speed import Pace

NAME = "train-speed"
HELP = "time how fast our networks learn, beside stock deepctr on the same rows"

FAMILIES = {"deepfm": ("deepfm",), "din": ("din", "dotdin")}
SMALL = 10_007


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to train on and how long."""
    parser.add_argument("--families", nargs="+", choices=tuple(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--vocabulary", type=positive, default=1_000_003, metavar="N", help="ids (%(default)s)")
    parser.add_argument(
        "--large", type=int, choices=range(2, 6), default=2, help="features with so many ids (%(default)s)"
    )
    parser.add_argument(
        "--rows", type=positive, default=49_152, metavar="N", help="made up to learn from (%(default)s)"
    )
    parser.add_argument(
        "--sizes", choices=("usual", "wide"), default="usual", help="of the layers: the product's, or 16 wide, 200-80"
    )
    parser.add_argument(
        "--passes",
        type=positive,
        default=12,
        metavar="N",
        help="at most; a network stops when two have not made it better (%(default)s)",
    )
    parser.add_argument("--data", help="also a known data set, such as movielens-100k")
    parser.add_argument(
        "--carriers", type=Path, default=Path(".vitrine/carriers"), help="unpacked packages (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=2026, help="(%(default)s)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="file for the figures")


def run(options: argparse.Namespace) -> int:
    """Train side by side, print a table, and write the figures."""
    # what only training installs is loaded when it is used
    from recsys.training.speed import compare

    check_output(options.json)
    found: dict[str, list[Pace]] = {}
    for title, family, spec, split, passes in _runs(options):
        found[f"{family}, {title}"] = compare(
            FAMILIES[family],
            split,
            spec,
            passes=passes,
            seed=options.seed,
            sizes=options.sizes,
            progress=_say,
        )
        print(_table(f"{family}, {title}", found[f"{family}, {title}"]), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps({name: [asdict(pace) for pace in paces] for name, paces in found.items()}))
    return 0


def _say(stage: str, done: int, of: int, message: str) -> None:
    print(f"{stage}: pass {done} of at most {of}: {message}", file=sys.stderr, flush=True)


def _runs(options: argparse.Namespace) -> Iterator[tuple[str, str, FeatureSpec, Split, int]]:
    """Make what is trained on: rows with many ids, with few, and a real log; one at a time."""
    from recsys.training.synthetic import planted, specification

    part = max(options.rows // 4, 1_000)
    for family in options.families:
        for vocabulary in dict.fromkeys((options.vocabulary, SMALL)):
            spec = specification(vocabulary, histories=family == "din", large=options.large)
            rows = planted(spec, (options.rows, part, part), options.seed)
            title = f"{vocabulary} ids" if options.large == 2 else f"{options.large} x {vocabulary} ids"
            yield title, family, spec, rows, options.passes
        if options.data:
            yield options.data, family, *_known(options), options.passes


def _known(options: argparse.Namespace) -> tuple[FeatureSpec, Split]:
    from recsys.benchmark import known
    from recsys.benchmark.log import Choices
    from recsys.benchmark.models.networks import learnable
    from recsys.benchmark.preparing import prepare
    from recsys.benchmark.splitting import split

    log = known.read(options.data, choices=Choices(), carriers=options.carriers)
    return learnable(prepare(log, split(log, "global"), histories=True))


def _table(title: str, paces: list[Pace]) -> str:
    stock = paces[0]
    lines = [
        f"{title:<28}{'rows/s':>10}{'times':>8}{'CPU times':>11}{'passes':>8}{'best':>6}{'AUC':>8}{'log loss':>10}"
    ]
    for pace in paces:
        times = pace.rows_per_second / stock.rows_per_second
        cpu = pace.cpu_rows_per_second / stock.cpu_rows_per_second
        lines.append(
            f"  {pace.name:<26}{pace.rows_per_second:>10.0f}{times:>8.1f}{cpu:>11.1f}{pace.passes:>8}"
            f"{pace.best:>6}{pace.auc:>8.4f}{pace.log_loss:>10.4f}"
        )
    return "\n".join(lines)
