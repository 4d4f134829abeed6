"""List the faces of pictures with their quality."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from faceid.commands.command import add_pipeline, frame_of, load
from faceid.detect import LARGEST_SIDE, LEAST_SIDE, SIDES

NAME = "detect"
HELP = "list the faces of pictures with their quality"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("image", type=Path, nargs="+", help="pictures; those of equal size share a run")
    parser.add_argument(
        "--sides",
        type=_sides,
        default=SIDES,
        metavar="PIXELS,…",
        help="shrink pictures to these sides and merge the finds, for example 320,640,1280 (640)",
    )
    add_pipeline(parser)


def run(options: argparse.Namespace) -> int:
    """Print one line of JSON per face, largest first within each picture."""
    frames = [frame_of(path) for path in options.image]
    found = load(options).batch(frames, sides=options.sides)
    for path, faces in zip(options.image, found, strict=True):
        for one in faces:
            box = [round(float(side), 1) for side in one.face.box]
            figures = asdict(one.quality.figures)
            print(json.dumps({"image": str(path), "box": box, "reasons": one.quality.reasons, **figures}))
    return 0


def _sides(text: str) -> tuple[int, ...]:
    sides = tuple(int(side) for side in text.split(","))
    if any(not LEAST_SIDE <= side <= LARGEST_SIDE for side in sides):
        raise argparse.ArgumentTypeError(f"sides are {LEAST_SIDE} to {LARGEST_SIDE} pixels")
    return sides
