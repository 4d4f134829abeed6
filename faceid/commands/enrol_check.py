"""Say whether pictures are good enough to enrol with, figure by figure."""

import argparse
import json
from pathlib import Path
from typing import Any

from faceid.commands.command import add_pipeline, frame_of, load
from faceid.errors import FaceError
from faceid.pipeline import Pipeline
from faceid.quality import ENROLMENT, Quality, only
from faceid.rules import RULES, Rule, refusal

NAME = "enrol-check"
HELP = "say whether pictures are good enough to enrol with, figure by figure"

_LARGER_IS_WORSE = frozenset({"yaw", "roll", "pitch", "black", "white", "mouth_open"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("image", type=Path, nargs="+")
    parser.add_argument("--json", action="store_true", help="print one line of JSON per picture")
    add_pipeline(parser)


def run(options: argparse.Namespace) -> int:
    """Print each figure with its threshold; 0 when every picture can be used, 2 when one cannot."""
    pipeline = load(options)
    reports = [_report(pipeline, path) for path in options.image]
    for report in reports:
        print(json.dumps(report) if options.json else _told(report))
    return 0 if all(report["usable"] for report in reports) else 2


def _report(pipeline: Pipeline, path: Path) -> dict[str, Any]:
    """Check one picture; a file that is no picture fails its own check and none of the others'."""
    quality: Quality | None = None
    try:
        found = pipeline.faces(frame_of(path), ENROLMENT)
        quality = found[0].quality if found else None
        quality = only(found).quality
        errors: list[FaceError] = [refusal(reason, quality.figures, ENROLMENT) for reason in quality.reasons]
    except FaceError as error:
        errors = [error]
    return {
        "image": str(path),
        "usable": not errors,
        "reasons": [{"code": error.code, "happened": error.happened, "remedy": error.remedy} for error in errors],
        "figures": [] if quality is None else [_line(rule, name, quality) for rule in RULES for name in rule.figures],
        "unmeasured": [] if quality is None else list(quality.unmeasured),
    }


def _line(rule: Rule, name: str, quality: Quality) -> dict[str, Any]:
    value, threshold = getattr(quality.figures, name), getattr(ENROLMENT, name)
    most = name in _LARGER_IS_WORSE
    broken = value is not None and (abs(value) > threshold if most else value < threshold)
    return {
        "figure": name,
        "value": None if value is None else round(float(value), 4),
        "limit": "at most" if most else "at least",
        "threshold": threshold,
        "passed": None if value is None else not broken,
        "code": rule.reason.value,
    }


def _told(report: dict[str, Any]) -> str:
    lines = [f"{report['image']}: {'can be used' if report['usable'] else 'cannot be used'}"]
    for line in report["figures"]:
        verdict = {True: "ok", False: "FAILS", None: "not measured"}[line["passed"]]
        value = "-" if line["value"] is None else f"{line['value']:.3f}"
        lines.append(f"  {line['figure']:<14}{value:>10}  {line['limit']:<8} {line['threshold']:<7g} {verdict}")
    lines += [f"  {reason['code']}: {reason['happened']} {reason['remedy']}" for reason in report["reasons"]]
    if report["unmeasured"]:
        missing = ", ".join(report["unmeasured"])
        lines.append(f"  Not measured: {missing}. They need dense landmarks, which `make models` installs.")
    return "\n".join(lines)
