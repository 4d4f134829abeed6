"""Measure how well people are found in a gallery, and strangers kept unknown."""

import argparse
from pathlib import Path

from faceid.commands.command import load
from faceid.commands.evaluating import add_outputs, add_rule, check_outputs, cohorts_of, finish, rule, say
from faceid.evaluate import folder, identification_report, plots
from faceid.evaluate.acquisition import PROFILES, acquire
from faceid.evaluate.report import about
from faceid.match import IMPOSTOR_MARGIN

NAME = "identification"
HELP = "enrol people and search them and strangers: FNIR at FPIR, CMC"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, help="folder with one folder of pictures per person")
    parser.add_argument(
        "--unknown", type=Path, metavar="DIR", help="pictures of strangers; else people with one picture"
    )
    parser.add_argument("--enrol", type=int, default=1, metavar="N", help="first pictures enrolled per person (1)")
    parser.add_argument("--margin", type=float, metavar="COSINE",
                        help=f"least distance between best and second-best subject ({IMPOSTOR_MARGIN})")  # fmt: skip
    add_rule(parser)
    add_outputs(parser)


def run(options: argparse.Namespace) -> int:
    """Print the figures that matter; all of them go to the JSON file."""
    check_outputs(options.json, plots=options.plots)
    people = folder.people(options.images)
    unknown = None if options.unknown is None else folder.strangers(options.unknown)
    labels = cohorts_of(options)
    protocol = identification_report.plan(people, unknown, max(1, options.enrol))
    if stray := folder.loose(options.images):
        say(f"{len(stray)} pictures lie beside the folders of people and are left out.")
    pipeline = load(options)
    threshold, margin = rule(options, pipeline)
    files = [picture.path for picture in (*protocol.enrolled, *protocol.probes)]
    done = identification_report.run(protocol, acquire(pipeline, files, profile=PROFILES[options.quality]))
    figures = identification_report.report(done, options.images, threshold, margin, labels)
    settings = {"quality": options.quality, "threshold": threshold, "margin": margin, "enrol": max(1, options.enrol)}
    whole = about(pipeline, NAME, **settings) | figures
    return finish(options, whole, identification_report.lines(done, figures), plots.identification)
