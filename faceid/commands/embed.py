"""Check that a picture could be embedded; shows no numbers of the face."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from faceid.commands.command import add_pipeline, enrolment_of, load

NAME = "embed"
HELP = "check that a picture could be enrolled; shows no numbers of the face"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("image", type=Path)
    add_pipeline(parser)


def run(options: argparse.Namespace) -> int:
    """Print contract and quality. The embedding stays in memory: a terminal's history is no place for it."""
    pipeline = load(options)
    enrolment = enrolment_of(pipeline, options.image)
    about = {"contract": pipeline.contract().id, "dimension": len(enrolment.embedding)}
    print(json.dumps({**about, **asdict(enrolment.quality.figures)}))
    return 0
