"""Fit the liveness method for films on films made of photographs."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from faceid.commands.command import add_limits, load
from faceid.liveness.bundle import DIRECTORY

NAME = "train-dynamics"
HELP = "fit the liveness method for films (LBP-TOP) on films made of photographs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where photographs are."""
    parser.add_argument(
        "--carriers", type=Path, required=True, help="directory of the unpacked packages that carry photographs"
    )
    parser.add_argument("--seed", type=int, default=0, help="of films and split (%(default)s)")
    parser.add_argument("--out", type=Path, help="models directory to write to, where it is not --models")
    add_limits(parser)


def run(options: argparse.Namespace) -> int:
    """Train, and print what was found on people held out."""
    from faceid.training.dynamics import train_dynamics
    from faceid.training.photographs import photographs

    detector = load(options).detector
    out = (options.out or options.models) / DIRECTORY
    try:
        fitted = train_dynamics(photographs(options.carriers), detector, out, seed=options.seed, say=_say)
    except ValueError as error:
        print(f"Cannot train: {error}", file=sys.stderr)
        return 1
    areas = {species: asdict(one) for species, one in fitted.held_out.items()}
    figures = {"people": fitted.people, "films": fitted.films, "area_under_curve_held_out": areas}
    print(json.dumps({"out": str(out), **figures, "note": "all films are made"}, indent=2))
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)
