"""Measure how well pairs of pictures are told to show one person or two."""

import argparse
from pathlib import Path

from faceid.commands.command import load
from faceid.commands.evaluating import add_outputs, add_rule, check_outputs, cohorts_of, finish, rule
from faceid.evaluate import pairs, plots, verification_report
from faceid.evaluate.acquisition import PROFILES, acquire
from faceid.evaluate.report import about

NAME = "verification"
HELP = "compare pairs of pictures: accuracy, TAR at FAR, equal error rate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, help="folder of pictures")
    parser.add_argument(
        "--pairs", type=Path, required=True, help="LFW's pairs.txt, or a table with the header a,b,same"
    )
    parser.add_argument("--skip-missing", action="store_true", help="leave out pairs whose pictures are not there")
    add_rule(parser)
    add_outputs(parser)


def run(options: argparse.Namespace) -> int:
    """Print the figures that matter; all of them go to the JSON file."""
    check_outputs(options.json, plots=options.plots)
    chosen = pairs.read(options.pairs, options.images, skip_missing=options.skip_missing)
    labels = cohorts_of(options)
    pipeline = load(options)
    threshold, _ = rule(options, pipeline)
    files = [picture.path for pair in chosen.pairs for picture in (pair.first, pair.second)]
    done = verification_report.compare(chosen, acquire(pipeline, files, profile=PROFILES[options.quality]))
    figures = verification_report.report(done, options.images, threshold, labels)
    settings = {"quality": options.quality, "threshold": threshold}
    whole = about(pipeline, NAME, **settings) | figures
    return finish(options, whole, verification_report.lines(done, figures), plots.verification)
