"""The report on detection: everything measured on labelled pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceid.detect import SCORE_THRESHOLD
from faceid.errors import FaceError
from faceid.evaluate.acquisition import UNREADABLE
from faceid.evaluate.cohort_rates import detected, rate_lines
from faceid.evaluate.cohorts import Cohorts
from faceid.evaluate.detection import (
    OVERLAP,
    Array,
    FoundFace,
    LabelledFace,
    Matching,
    average_precision,
    match,
    mirrored,
    precision,
    precision_recall,
    recall,
)
from faceid.evaluate.folder import Picture
from faceid.evaluate.intervals import wilson
from faceid.evaluate.progress import Progress
from faceid.evaluate.report import Report, percent, sampled
from faceid.image import decode
from faceid.pipeline import Pipeline
from faceid.upright import upright

LEAST_SCORE = 0.05
"""Score from which finds count for the average precision, which needs the detector's whole curve."""

_BINS = np.linspace(0.0, 1.0, 51)

PICTURE, PERSON = "of the picture", "of the person"


@dataclass(frozen=True, slots=True, eq=False)
class DetectionRun:
    """What a detection report is made of.

    Attributes:
        matching: all finds, judged.
        failures: pictures that could not be decoded, with the reason; the faces in them count as missed.
        left_is: whose left the labels' points mean, found by which fits; None without points.
        faces: labels and finds of each picture.
        paths: the pictures, in the same order.
    """

    matching: Matching
    failures: Mapping[Path, str]
    left_is: str | None
    faces: Sequence[tuple[Sequence[LabelledFace], Sequence[FoundFace]]] = field(repr=False)
    paths: tuple[Path, ...] = field(repr=False)


def run(pipeline: Pipeline, labels: Mapping[Path, Sequence[LabelledFace]]) -> DetectionRun:
    """Look for faces in every labelled picture, and judge what is found.

    Args:
        pipeline: whose detector is measured, with the landmarks as they go to alignment.
        labels: the faces of each picture.
    """
    progress = Progress("pictures", len(labels))
    pictures: list[tuple[Sequence[LabelledFace], Sequence[FoundFace]]] = []
    failures: dict[Path, str] = {}
    for number, (path, faces) in enumerate(labels.items(), 1):
        found: Sequence[FoundFace] = ()
        try:
            found = finds(pipeline, path)
        except FaceError as error:
            failures[path] = error.code
        except OSError:
            failures[path] = UNREADABLE
        pictures.append((faces, found))
        progress.at(number)
    as_is, swapped, paths = match(pictures), match(_swapped(pictures)), tuple(labels)
    if not len(as_is.errors) and not len(swapped.errors):
        return DetectionRun(as_is, failures, None, pictures, paths)
    if (len(swapped.errors), -_median(swapped.errors)) > (len(as_is.errors), -_median(as_is.errors)):
        return DetectionRun(swapped, failures, PERSON, _swapped(pictures), paths)
    return DetectionRun(as_is, failures, PICTURE, pictures, paths)


def finds(pipeline: Pipeline, path: Path) -> list[FoundFace]:
    """Return all faces of a picture on disk down to the least score.

    Raises:
        FaceError: the file is no picture.
        OSError: it cannot be read.
    """
    image = decode(path.read_bytes())
    seen = pipeline.detector.faces(image, threshold=LEAST_SCORE)
    sure = SCORE_THRESHOLD
    turned = [upright(pipeline.detector, image, face) if face.score >= sure else face for face in seen]
    return [FoundFace(face.box.astype(float), face.score, face.landmarks.astype(float)) for face in turned]


def report(done: DetectionRun, images: Path, cohorts: Cohorts | None = None) -> Report:
    """Compute every figure of a detection.

    Args:
        done: from :func:`run`.
        images: folder the names of pictures are relative to.
        cohorts: labels somebody gave.
    """
    matching = done.matching
    reached, precise = sampled(*precision_recall(matching))
    above = matching.error_scores >= SCORE_THRESHOLD
    return {
        "counts": {"pictures": matching.pictures, "faces": matching.faces, "finds": len(matching.scores)},
        "failures": {
            "failed": len(done.failures),
            "rate": wilson(len(done.failures), matching.pictures),
            "files": {path.relative_to(images).as_posix(): reason for path, reason in done.failures.items()},
            "counted_as": "finding nobody",
        },
        "overlap": OVERLAP,
        "threshold": SCORE_THRESHOLD,
        "recall": recall(matching, SCORE_THRESHOLD),
        "precision": precision(matching, SCORE_THRESHOLD),
        "recall_at_least_score": recall(matching, LEAST_SCORE),
        "average_precision": average_precision(matching),
        "landmark_error": _errors(matching.errors[above]) | {"left_is": done.left_is},
        "curve": {"recall": reached, "precision": precise},
        "histograms": {name: _histogram(matching.scores[hits]) for name, hits in _kinds(matching).items()},
        "cohorts": None
        if cohorts is None
        else detected(cohorts, [_picture(path, images) for path in done.paths], done.faces, SCORE_THRESHOLD),
    }


def lines(done: DetectionRun, figures: Report) -> list[str]:
    """Write the figures that matter for people, one line each."""
    counts, error = figures["counts"], figures["landmark_error"]
    found = [
        f"{counts['pictures']:,} pictures, {len(done.failures)} unreadable; {counts['faces']:,} labelled faces",
        f"recall {percent(figures['recall'])} and precision {percent(figures['precision'])} at score {SCORE_THRESHOLD}",
        f"average precision {figures['average_precision']:.4f} at overlap {OVERLAP}",
    ]
    if error["faces"]:
        found.append(
            f"landmark error {error['mean']:.3f} eye distances (median {error['median']:.3f}, 95 % below "
            f"{error['p95']:.3f}) on {error['faces']} faces"
        )
    if done.left_is == PERSON:
        found.append("the labels' left is the person's left: eyes and mouth corners were swapped")
    return found + rate_lines(figures["cohorts"] or [], {"recall": "recall", "missed": "missed"})


def _kinds(matching: Matching) -> dict[str, NDArray[np.bool_]]:
    return {"labelled_faces": matching.hits, "others": ~matching.hits}


def _histogram(scores: Array) -> Report:
    return {"edges": _BINS.round(4), "counts": np.histogram(np.clip(scores, 0.0, 1.0), _BINS)[0]}


def _picture(path: Path, images: Path) -> Picture:
    """Name a picture as label files do; the first folder below ``images`` may be a person's."""
    relative = path.relative_to(images)
    return Picture(path, relative.as_posix(), relative.parts[0])


def _errors(errors: Array) -> Report:
    if not len(errors):
        return {"faces": 0, "mean": None, "median": None, "p95": None}
    middle, high = np.quantile(errors, [0.5, 0.95])
    return {"faces": len(errors), "mean": float(errors.mean()), "median": float(middle), "p95": float(high)}


def _median(errors: Array) -> float:
    return float(np.median(errors)) if len(errors) else float("inf")


def _swapped(
    pictures: Sequence[tuple[Sequence[LabelledFace], Sequence[FoundFace]]],
) -> list[tuple[list[LabelledFace], Sequence[FoundFace]]]:
    return [
        (
            [LabelledFace(one.box, None if one.points is None else mirrored(one.points), one.ignored) for one in faces],
            found,
        )
        for faces, found in pictures
    ]
