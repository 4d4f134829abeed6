"""Command line: prepare the models, and look at what they see in pictures on disk."""

import argparse
import sys
from collections.abc import Sequence

from faceid.commands import (
    bench,
    calibrate,
    detect,
    embed,
    enrol_check,
    evaluate,
    identify,
    liveness,
    prepare,
    prepare_mesh,
    prepare_minor,
    train,
    train_dynamics,
    verify,
)
from faceid.commands.command import Command
from faceid.errors import FaceError

COMMANDS: tuple[Command, ...] = (
    prepare,
    prepare_mesh,
    prepare_minor,
    detect,
    embed,
    verify,
    identify,
    liveness,
    train_dynamics,
    enrol_check,
    bench,
    evaluate,
    calibrate,
    train,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done or yes, 1 refused, 2 no (two different people, an attack)."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except FaceError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m faceid", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        one = commands.add_parser(command.NAME, help=command.HELP)
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
