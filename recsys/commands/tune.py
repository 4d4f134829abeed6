"""Search for the network that fits a log best."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from recsys.benchmark.errors import OptionsUnusable
from recsys.commands.log import add_log, names, positive, read_log
from recsys.commands.outputs import check_output

NAME = "tune"
HELP = "search for the hyper-parameters of our networks that are best on the validation part of a log"

KINDS = ("dotdin", "deepfm", "din", "fm", "fwfm", "dcn", "bst", "sasrec", "gru")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the log, what to search among, and for how long."""
    add_log(parser)
    parser.add_argument("--kinds", type=names, help=f"some of {','.join(KINDS)} (those that suit the log)")
    parser.add_argument("--trials", type=positive, default=30, metavar="N", help="trainings at most (%(default)s)")
    parser.add_argument("--minutes", type=float, metavar="M", help="begin no training later than this")
    parser.add_argument("--seed", type=int, default=2026, help="(%(default)s)")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="remembers trials: the same call goes on later")
    parser.add_argument("--json", type=Path, metavar="OUT", help="file for the network found and all trials")


def run(options: argparse.Namespace) -> int:
    """Search, print the network as JSON, and write the report."""
    # what only training installs is loaded when it is used
    from recsys.benchmark.bars import bar
    from recsys.benchmark.models.networks import ABOUT_HISTORIES, kinds_for, tune
    from recsys.benchmark.preparing import prepare
    from recsys.benchmark.splitting import split

    _check(options)
    log = read_log(options)
    data = prepare(log, split(log, options.split), histories=not options.no_histories)
    kinds = options.kinds or kinds_for(data)
    if not data.histories and set(kinds) & ABOUT_HISTORIES:
        raise OptionsUnusable(
            f"{log.name} has no histories.",
            expected=f"kinds that do without: {', '.join(kind for kind in KINDS if kind not in ABOUT_HISTORIES)}.",
            remedy="Name those with --kinds.",
        )
    with bar(options.trials, "trial") as (_, step):
        found = tune(
            data,
            kinds,
            trials=options.trials,
            minutes=options.minutes,
            seed=options.seed,
            journal=options.journal,
            say=step,
        )
    usual = ", ".join(f"{kind} {loss:.4f}" for kind, loss in found.usual.items())
    print(f"validation log loss {found.loss:.4f}; the usual networks: {usual}", file=sys.stderr)
    print(json.dumps(found.config.document()))
    if options.json is not None:
        options.json.write_text(json.dumps(found.document(), indent=2) + "\n", encoding="utf-8")
    return 0


def _check(options: argparse.Namespace) -> None:
    kinds = options.kinds or ()
    if set(kinds) - set(KINDS) or len(set(kinds)) < len(kinds) or options.trials < len(kinds):
        raise OptionsUnusable(
            f"--kinds is {','.join(kinds)} with --trials {options.trials}.",
            expected=f"some of {', '.join(KINDS)}, each once, and a trial for each.",
            remedy="Name those, separated by commas.",
        )
    check_output(options.json)
    check_output(options.journal)
