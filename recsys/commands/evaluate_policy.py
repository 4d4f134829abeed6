"""Say what a policy would have earned, by the log of another one."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.benchmark.errors import OptionsUnusable

if TYPE_CHECKING:
    from recsys.benchmark.bandit import Question
    from recsys.offpolicy.judgement import Judgement

NAME = "evaluate-policy"
HELP = "estimate what a policy would have earned, by a log of choices with their propensities"
OPEN_BANDIT = "open-bandit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the log, the policy and the estimates."""
    parser.add_argument(
        "log", metavar="LOG", help=f"{OPEN_BANDIT}, or a .csv or .parquet file with action, reward, propensity and"
        " target (probability of the logged action) or target:ACTION for each action",
    )  # fmt: skip
    parser.add_argument("--context", type=_names, default=(), metavar="COLUMNS", help="for the model of rewards")
    parser.add_argument("--campaign", default="all", help="of the Open Bandit Dataset: all, men, women (%(default)s)")
    parser.add_argument("--logged", default="random", help="the policy that made the log: random, bts (%(default)s)")
    parser.add_argument("--target", default="bts", help="the policy to judge: random, bts, uniform (%(default)s)")
    parser.add_argument("--floor", type=float, default=50.0, metavar="N", help="least effective sample (%(default)s)")
    parser.add_argument("--switch-at", type=float, default=10.0, metavar="W", help="weight, for switch (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="file for the report")
    parser.add_argument(
        "--carriers", type=Path, default=Path(".vitrine/carriers"), help="unpacked packages (%(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Print the estimates with their intervals; 1 if the log says too little."""
    # what only training installs is loaded when it is used
    from recsys.benchmark import bandit
    from recsys.offpolicy.judgement import TooLittleOverlap, judge
    from recsys.offpolicy.log import UnusableLog

    if options.json is not None and not options.json.parent.is_dir():
        raise OptionsUnusable(
            f"{options.json} cannot be written.", expected="a folder that exists.", remedy="Make the folder first."
        )
    try:
        if options.log == OPEN_BANDIT:
            question = bandit.open_bandit(
                options.carriers, campaign=options.campaign, logged=options.logged, target=options.target
            )
        else:
            question = bandit.from_file(Path(options.log), context=options.context)
        found = judge(
            question.log, question.target, floor=options.floor, switch_at=options.switch_at, seed=options.seed
        )
    except TooLittleOverlap as error:
        print(f"too_little_overlap: {error}", file=sys.stderr)
        return 1
    except UnusableLog as error:
        print(f"unusable_log: {error}", file=sys.stderr)
        return 1
    print(_table(question, found))
    if options.json is not None:
        options.json.write_text(json.dumps(_document(question, found), indent=2) + "\n", "utf-8")
    return 0


def _table(question: Question, found: Judgement) -> str:
    lines = [
        question.name,
        f"{found.rows:,} choices worth {found.effective:,.0f} of the target's own, largest weight"
        f" {found.largest_weight:.1f}; intervals of 95 %",
        f"{'':12}{'value':>34}{'lift over the logging policy':>36}",
        f"{'logged':12}{_interval(found.logged):>34}",
    ]
    lines += [f"{one:12}{_interval(value):>34}{_interval(found.lifts[one]):>36}" for one, value in found.values.items()]
    if question.earned is not None:
        earned = float(question.earned.mean())
        inside = [one for one, value in found.values.items() if earned in value]
        lines.append(
            f"{'on-policy':12}{earned:.5f}: what the target earned where it ran; inside the interval of"
            f" {', '.join(inside) or 'none'}"
        )
    return "\n".join(lines)


def _interval(interval: Any) -> str:
    return f"{interval.value:.5f} [{interval.low:.5f}, {interval.high:.5f}]"


def _document(question: Question, found: Judgement) -> dict[str, Any]:
    earned = None if question.earned is None else float(question.earned.mean())
    return {"question": question.name, "on_policy": earned} | asdict(found)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
