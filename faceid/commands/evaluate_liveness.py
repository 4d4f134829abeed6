"""Measure how well living people are told from attacks."""

import argparse
from pathlib import Path

from faceid.commands.command import limits_of, load
from faceid.commands.evaluating import add_cohorts, add_outputs, check_outputs, cohorts_of, finish
from faceid.evaluate import liveness_plots, liveness_report
from faceid.evaluate.liveness_trials import run_trials
from faceid.evaluate.report import about
from faceid.liveness.bundle import bundle_digest
from faceid.liveness.detector import LivenessDetector
from faceid.match import THRESHOLD_DEFAULT

NAME = "liveness"
HELP = "present living people and attacks: APCER per species, BPCER, ACER, RIAPAR"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", type=Path, help="holds real/ and one folder per species; stills or videos")
    parser.add_argument("--threshold", type=float, default=THRESHOLD_DEFAULT, metavar="COSINE",
                        help="least cosine of a match, for RIAPAR (%(default)s)")  # fmt: skip
    parser.add_argument("--make", type=int, default=0, metavar="N",
                        help="make N attacks of each species from every live still, too; marked synthetic")  # fmt: skip
    parser.add_argument("--films", type=int, default=0, metavar="N",
                        help="present N films made of every live still instead: alive and three attacks")  # fmt: skip
    parser.add_argument("--made", action="append", default=[], metavar="SPECIES",
                        help="folder of attacks that code made; marked synthetic; may be repeated")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the made attacks (%(default)s)")
    add_cohorts(parser)
    add_outputs(parser)


def run(options: argparse.Namespace) -> int:
    """Print the figures that matter; all of them go to the JSON file."""
    check_outputs(options.json, plots=options.plots)
    cohorts = cohorts_of(options)
    pipeline, detector = load(options), LivenessDetector.load(options.models, limits_of(options))
    trials = run_trials(
        options.folder, pipeline, detector, made=max(0, options.make), films=max(0, options.films), seed=options.seed
    )
    figures = liveness_report.report(options.folder, trials, detector, options.threshold, options.made, cohorts)
    settings = {
        "threshold": options.threshold,
        "make": options.make,
        "films": options.films,
        "made": options.made,
        "seed": options.seed,
    }
    about_scores = {"scores": "probability of a living person", "liveness_bundle": bundle_digest(options.models)}
    whole = about(pipeline, NAME, **settings) | about_scores | figures
    return finish(options, whole, liveness_report.lines(figures), liveness_plots.draw)
