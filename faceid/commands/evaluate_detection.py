"""Measure how many labelled faces are found, and how exactly."""

import argparse
from pathlib import Path

from faceid.commands.command import load
from faceid.commands.evaluating import add_cohorts, add_outputs, check_outputs, cohorts_of, finish
from faceid.evaluate import detection_report, labels, plots
from faceid.evaluate.report import about

NAME = "detection"
HELP = "find labelled faces: recall, average precision, landmark error"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, help="folder of pictures")
    parser.add_argument("--points", type=Path, required=True, help="JSON of boxes and points per picture")
    parser.add_argument("--skip-missing", action="store_true", help="leave out labels whose pictures are not there")
    add_cohorts(parser)
    add_outputs(parser)


def run(options: argparse.Namespace) -> int:
    """Print the figures that matter; all of them go to the JSON file."""
    check_outputs(options.json, plots=options.plots)
    marked = labels.read(options.points, options.images, skip_missing=options.skip_missing)
    cohorts = cohorts_of(options)
    pipeline = load(options)
    done = detection_report.run(pipeline, marked)
    figures = detection_report.report(done, options.images, cohorts)
    whole = about(pipeline, NAME, least_score=detection_report.LEAST_SCORE) | figures
    return finish(options, whole, detection_report.lines(done, figures), plots.detection)
