"""Command line of the recommender: what needs neither the platform nor its stores."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from recsys.benchmark.errors import BenchmarkRefused
from recsys.commands import benchmark, evaluate_policy, federated, lint, policy_bench, speed, train_speed, tune
from recsys.commands.command import Command
from recsys.commands.lint import LintRefused
from recsys.guard import ForbiddenFeature

COMMANDS: tuple[Command, ...] = (benchmark, evaluate_policy, federated, lint, policy_bench, speed, train_speed, tune)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 1 refused."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (BenchmarkRefused, LintRefused) as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    except ForbiddenFeature as error:
        print(f"forbidden_feature: {error}. Leave the column out: --ignore {error.name}.", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m recsys", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        one = commands.add_parser(command.NAME, help=command.HELP)
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
