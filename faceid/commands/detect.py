"""List the faces of a picture with their quality."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from faceid.commands.command import add_models
from faceid.image import decode
from faceid.pipeline import Pipeline

NAME = "detect"
HELP = "list the faces of a picture with their quality"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("image", type=Path)
    add_models(parser)


def run(options: argparse.Namespace) -> int:
    """Print one line of JSON per face, largest first."""
    faces = Pipeline.load(options.models).faces(decode(options.image.read_bytes()))
    for one in faces:
        box = [round(float(side), 1) for side in one.face.box]
        print(json.dumps({"box": box, "reasons": one.quality.reasons, **asdict(one.quality.figures)}))
    return 0
