"""Say whether two pictures show the same person."""

import argparse
import json
from pathlib import Path

from faceid.commands.command import add_pipeline, enrolment_of, load
from faceid.commands.rule import add_rule, rule_of
from faceid.match import cosine

NAME = "verify"
HELP = "say whether two pictures show the same person"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    add_rule(parser, margin=False)
    add_pipeline(parser)


def run(options: argparse.Namespace) -> int:
    """Print the raw cosine, what it means by the calibration, and the answer; 0 for one person, 2 for two."""
    pipeline = load(options)
    rule = rule_of(options, pipeline.contract().id)
    first, second = (enrolment_of(pipeline, path).embedding for path in (options.first, options.second))
    score = float(cosine(first, second))
    same = score >= rule.threshold
    answer = {"same": same, "cosine": round(score, 4), "threshold": rule.threshold, "scores": "raw cosine"}
    print(json.dumps(answer | rule.meaning(score)))
    return 0 if same else 2
