"""Repair the published models and write them with a manifest."""

import argparse
from pathlib import Path

from faceid.prepare import prepare

NAME = "prepare"
HELP = "repair the published models and write them with a manifest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--source", type=Path, required=True, help="directory of the unpacked model package")
    parser.add_argument("--out", type=Path, required=True, help="models directory to write")


def run(options: argparse.Namespace) -> int:
    """Write the models and list them."""
    manifest = prepare(options.source, options.out)
    for model in (manifest.detector.model, manifest.recogniser.model):
        print(f"{model.file}  {model.size:>10,} bytes  {model.name}, {model.weights_licence}")
    return 0
