"""Measure errors on one's own pictures: one sub-command per question, each a module ``evaluate_<name>``."""

import argparse

from faceid.commands import evaluate_detection, evaluate_identification, evaluate_liveness, evaluate_verification
from faceid.commands.command import Command

NAME = "evaluate"
HELP = "measure errors on one's own pictures: verification, identification, detection, liveness"

EVALUATIONS: tuple[Command, ...] = (
    evaluate_verification,
    evaluate_identification,
    evaluate_detection,
    evaluate_liveness,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare one sub-command per evaluation."""
    evaluations = parser.add_subparsers(required=True, metavar="EVALUATION")
    for evaluation in EVALUATIONS:
        one = evaluations.add_parser(evaluation.NAME, help=evaluation.HELP)
        evaluation.add_arguments(one)
        one.set_defaults(evaluate=evaluation.run)


def run(options: argparse.Namespace) -> int:
    """Run the evaluation that was asked for."""
    status: int = options.evaluate(options)
    return status
