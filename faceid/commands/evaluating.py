"""Arguments and last steps that the evaluations share."""

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from faceid.commands.command import add_pipeline
from faceid.evaluate import cohorts
from faceid.evaluate import report as reports
from faceid.evaluate.acquisition import PROFILES
from faceid.evaluate.cohorts import Cohorts
from faceid.evaluate.errors import OutputRefused
from faceid.evaluate.report import Report
from faceid.match import IMPOSTOR_MARGIN, THRESHOLD_DEFAULT
from faceid.openset.calibration import Calibration
from faceid.pipeline import Pipeline


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Declare the models, how they run, and where the figures go."""
    add_pipeline(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw curves, histograms and tables into a folder")


def add_rule(parser: argparse.ArgumentParser) -> None:
    """Declare what counts as recognised, how good a face must be, and labels of cohorts."""
    parser.add_argument("--quality", choices=sorted(PROFILES), default="screen",
                        help="what a face must meet to be embedded (%(default)s); any: every face found")  # fmt: skip
    parser.add_argument("--threshold", type=float, metavar="COSINE",
                        help=f"least cosine of the operating point ({THRESHOLD_DEFAULT})")  # fmt: skip
    parser.add_argument("--calibration", type=Path, metavar="FILE",
                        help="take threshold and margin from `faceid calibrate`")  # fmt: skip
    add_cohorts(parser)


def add_cohorts(parser: argparse.ArgumentParser) -> None:
    """Declare labels of cohorts."""
    parser.add_argument("--cohorts", type=Path, metavar="FILE",
                        help="table of files or persons and their labels: errors by cohort")  # fmt: skip


def cohorts_of(options: argparse.Namespace) -> Cohorts | None:
    """Read the labels that the argument of :func:`add_cohorts` names; None without one.

    Raises:
        LabelsRefused: they cannot be read.
    """
    return None if options.cohorts is None else cohorts.read(options.cohorts)


def rule(options: argparse.Namespace, pipeline: Pipeline) -> tuple[float, float]:
    """Return threshold and margin: what was asked for, else the calibration's, else the defaults.

    Raises:
        CalibrationRefused: the calibration cannot be read.
        ContractMismatch: it was made with other models.
    """
    threshold, margin = THRESHOLD_DEFAULT, IMPOSTOR_MARGIN
    if options.calibration is not None:
        calibration = Calibration.load(options.calibration)
        calibration.require(pipeline.contract().id)
        threshold, margin = calibration.threshold, calibration.margin
    asked = getattr(options, "margin", None)
    return (threshold if options.threshold is None else options.threshold, margin if asked is None else asked)


def check_outputs(*files: Path | None, plots: Path | None = None) -> None:
    """Make sure that everything can be written, before hours of work and not after.

    Args:
        files: to be written; None where none was asked for.
        plots: folder for plots.

    Raises:
        OutputRefused: a folder, or the nearest one there is above it, cannot be written to; or plots were asked for
            and matplotlib is not installed.
    """
    for folder in [*(file.parent for file in files if file is not None), *([plots] if plots else [])]:
        existing = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
        except OSError as error:
            raise OutputRefused(
                f"{folder} cannot be written to ({type(error).__name__}).",
                expected="a folder of one's own.",
                remedy="Choose another path.",
            ) from error
    for file in files:
        if file is not None and file.is_dir():
            raise OutputRefused(f"{file} is a folder.", expected="a file's name.", remedy="Add a name to the path.")
    if plots is not None and importlib.util.find_spec("matplotlib") is None:
        raise OutputRefused(
            "matplotlib is not installed.", expected="it, for --plots.", remedy="Install it, or leave out --plots."
        )


def say(line: str) -> None:
    """Tell the person who waits, on standard error."""
    print(line, file=sys.stderr)


def finish(
    options: argparse.Namespace, report: Report, lines: Iterable[str], draw: Callable[[Report, Path], Any]
) -> int:
    """Print the lines, write the JSON and draw the plots that were asked for; return 0."""
    for line in lines:
        print(line)
    if options.json is not None:
        reports.write(report, options.json)
    if options.plots is not None:
        draw(report, options.plots)
    return 0
