"""Say which of the people in a folder a picture shows, or that it shows none of them."""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from faceid.commands.command import add_pipeline, enrolment_of, frame_of, load, pictures_below
from faceid.commands.rule import Rule, add_rule, rule_of
from faceid.errors import FaceError, FileUnreadable, NoFace
from faceid.gallery import Gallery
from faceid.match import Entry, Match, identify
from faceid.pipeline import Pipeline

NAME = "identify"
HELP = "say which of the people in a folder a picture shows, or none"

_VENUE = "command line"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("image", type=Path, help="picture of the person in question; its largest usable face counts")
    parser.add_argument("people", type=Path, help="folder with one folder of pictures per person")
    add_rule(parser, margin=True)
    parser.add_argument("--top", type=int, default=5, help="people to list (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one object instead of lines")
    add_pipeline(parser)


def run(options: argparse.Namespace) -> int:
    """Print the people by raw cosine, best first, and the answer; 0 for somebody, 2 for unknown.

    Pictures that cannot be enrolled are named on the error stream with the reason's code and left out.
    """
    pipeline = load(options)
    rule = rule_of(options, pipeline.contract().id)
    probe = _probe(pipeline, options.image)
    gallery = Gallery(pipeline.contract().id, pipeline.manifest.dimension, _entries(pipeline, options.people))
    at = datetime.now(UTC)
    (ranked,) = gallery.nearest(probe, k=max(1, options.top), threshold=-1.0, at=at, venue=_VENUE)
    (winner,) = identify(gallery, probe, at=at, venue=_VENUE, threshold=rule.threshold, margin=rule.margin)
    if options.json:
        print(json.dumps(_answer(rule, ranked, winner)))
    else:
        for match in ranked:
            print(f"{match.score:7.4f} raw cosine  {match.subject}")
        print(winner.subject if winner else "unknown")
    return 0 if winner else 2


def _answer(rule: Rule, ranked: list[Match], winner: Match | None) -> dict[str, object]:
    return {
        "person": winner.subject if winner else None,
        "scores": "raw cosine",
        "ranked": [
            {"person": match.subject, "cosine": round(match.score, 4)} | rule.meaning(match.score) for match in ranked
        ],
        "threshold": rule.threshold,
        "margin": rule.margin,
    }


def _probe(pipeline: Pipeline, path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    for one in pipeline.faces(frame_of(path)):
        if one.embedding is not None:
            return one.embedding[None, :]
    raise NoFace(
        f"There is no usable face in {path}.",
        expected="one face, not too small, dark, blurred or turned away.",
        remedy="`python -m faceid detect` says what is wrong with the faces that were found.",
    )


def _entries(pipeline: Pipeline, people: Path) -> list[Entry]:
    entries = list(_enrolled(pipeline, people))
    if not entries:
        raise FileUnreadable(
            f"There is nobody to compare with in {people}.",
            expected="one folder per person with pictures that can be enrolled.",
            remedy="Check the folder; `python -m faceid embed` says what is wrong with a picture.",
        )
    return entries


def _enrolled(pipeline: Pipeline, people: Path) -> Iterator[Entry]:
    for path in pictures_below(people):
        parts = path.relative_to(people).parts
        if len(parts) < 2:
            continue
        try:
            yield Entry(str(path), parts[0], enrolment_of(pipeline, path).embedding)
        except FaceError as error:
            print(f"{path}: {error.code}, left out", file=sys.stderr)
