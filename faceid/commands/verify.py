"""Say whether two pictures show the same person."""

import argparse
import json
from pathlib import Path

from faceid.commands.command import add_pipeline, enrolment_of, load
from faceid.match import THRESHOLD_DEFAULT, cosine

NAME = "verify"
HELP = "say whether two pictures show the same person"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--threshold", type=float, default=THRESHOLD_DEFAULT, help="least cosine (%(default)s)")
    add_pipeline(parser)


def run(options: argparse.Namespace) -> int:
    """Print the raw cosine and the answer; 0 for the same person, 2 for two."""
    pipeline = load(options)
    first, second = (enrolment_of(pipeline, path).embedding for path in (options.first, options.second))
    score = float(cosine(first, second))
    same = score >= options.threshold
    print(json.dumps({"same": same, "cosine": round(score, 4), "threshold": options.threshold, "scores": "raw cosine"}))
    return 0 if same else 2
