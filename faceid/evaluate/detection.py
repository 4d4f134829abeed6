"""How many labelled faces are found, how many finds are none, and how far off the landmarks are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faceid.evaluate.intervals import Estimate, wilson

OVERLAP = 0.5
"""Intersection over union from which a find is the labelled face (PASCAL VOC)."""

POINTS_ERROR = 0.5
"""Mean error of the points, in eye distances, up to which a find is a face that is labelled by points alone."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFace:
    """One face somebody marked.

    Attributes:
        box: left, top, width, height in pixels, float64, shape (4,), or None.
        points: x and y of left eye, right eye, nose tip, left and right mouth corner in pixels, "left" being the left
            of the picture, float64, shape (5, 2), or None.
        ignored: neither missing nor finding it counts.
    """

    box: Array | None = field(repr=False)
    points: Array | None = field(repr=False)
    ignored: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class FoundFace:
    """One find of a detector: box and points as in :class:`LabelledFace`, score 0 to 1."""

    box: Array = field(repr=False)
    score: float
    points: Array = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """All finds of all pictures, judged.

    Attributes:
        scores: of the finds that count, float64, shape (f,), falling.
        hits: whether each is a labelled face not found before, bool, shape (f,).
        errors: per hit with labelled points, the mean distance of the five points over the eye distance,
            float64, shape (p,).
        error_scores: score of each of those hits, float64, shape (p,).
        faces: labelled faces that count.
        pictures: pictures looked at.
    """

    scores: Array = field(repr=False)
    hits: NDArray[np.bool_] = field(repr=False)
    errors: Array = field(repr=False)
    error_scores: Array = field(repr=False)
    faces: int
    pictures: int


def match(pictures: Sequence[tuple[Sequence[LabelledFace], Sequence[FoundFace]]], overlap: float = OVERLAP) -> Matching:
    """Give each find, best first, the labelled face of its picture that it fits best and that is still free.

    Args:
        pictures: labels and finds of each.
        overlap: least intersection over union, 0 to 1. A face labelled by points alone is found where the points'
            middle lies in the box and their mean error is at most half the eye distance.

    Everingham et al., International Journal of Computer Vision 88(2), 2010, section 4.2.
    """
    scores: list[float] = []
    hits: list[bool] = []
    errors: list[float] = []
    error_scores: list[float] = []
    for labels, finds in pictures:
        free = set(range(len(labels)))
        for find in sorted(finds, key=lambda one: -one.score):
            taken = _fitting(labels, find, free, overlap)
            if taken is None:
                if not any(label.ignored and fit(label, find) >= overlap for label in labels):
                    scores.append(find.score)
                    hits.append(False)
                continue
            free.discard(taken)
            if labels[taken].ignored:
                continue
            scores.append(find.score)
            hits.append(True)
            points = labels[taken].points
            if points is not None:
                errors.append(points_error(points, find.points))
                error_scores.append(find.score)
    order = np.argsort(-np.array(scores), kind="stable")
    faces = sum(not label.ignored for labels, _ in pictures for label in labels)
    return Matching(
        np.array(scores)[order], np.array(hits, dtype=np.bool_)[order], np.array(errors), np.array(error_scores),
        faces, len(pictures),
    )  # fmt: skip


def recall(matching: Matching, threshold: float) -> Estimate:
    """Measure the share of labelled faces found with at least ``threshold``, with Wilson's interval."""
    return wilson(int(np.count_nonzero(matching.hits[matching.scores >= threshold])), matching.faces)


def precision(matching: Matching, threshold: float) -> Estimate:
    """Measure the share of finds with at least ``threshold`` that are labelled faces, with Wilson's interval."""
    kept = matching.hits[matching.scores >= threshold]
    return wilson(int(np.count_nonzero(kept)), len(kept))


def precision_recall(matching: Matching) -> tuple[Array, Array]:
    """Return recall (rising) and precision after each find, best first; float64, shape (f,) each."""
    found = np.cumsum(matching.hits)
    return found / max(matching.faces, 1), found / np.arange(1, len(found) + 1)


def average_precision(matching: Matching) -> float:
    """Compute the area under the precision envelope over all recalls; 0 to 1, nan without labelled faces.

    Everingham et al., International Journal of Computer Vision 111(1), 2015, section 3.2 (all points).
    """
    if not matching.faces:
        return float("nan")
    if not len(matching.hits):
        return 0.0
    reached, precise = precision_recall(matching)
    envelope = np.maximum.accumulate(precise[::-1])[::-1]
    return float(np.sum(np.diff(np.append(0.0, reached)) * envelope))


def points_error(labelled: Array, found: Array) -> float:
    """Return the mean distance of the five points over the labelled distance between the eyes.

    Normalised by the inter-ocular distance as in Sagonas et al., Image and Vision Computing 47, 2016.
    """
    between = float(np.linalg.norm(labelled[1] - labelled[0]))
    return float(np.mean(np.linalg.norm(found - labelled, axis=1)) / max(between, 1e-9))


def fit(label: LabelledFace, find: FoundFace) -> float:
    """Say how well a find fits a label: intersection over union, or 1 minus the points' error where there is no box."""
    if label.box is not None:
        return intersection_over_union(label.box, find.box)
    assert label.points is not None
    middle = label.points.mean(axis=0)
    inside = np.all(find.box[:2] <= middle) and np.all(middle <= find.box[:2] + find.box[2:])
    error = points_error(label.points, find.points)
    return 1.0 - error if inside and error <= POINTS_ERROR else 0.0


def intersection_over_union(first: Array, second: Array) -> float:
    """Return the overlap of two boxes (left, top, width, height), 0 to 1."""
    corner = np.maximum(first[:2], second[:2])
    opposite = np.minimum(first[:2] + first[2:], second[:2] + second[2:])
    shared = float(np.prod(np.clip(opposite - corner, 0.0, None)))
    union = float(np.prod(first[2:]) + np.prod(second[2:])) - shared
    return shared / union if union > 0 else 0.0


def mirrored(points: Array) -> Array:
    """Swap left and right: eyes and mouth corners named from the person's own point of view."""
    return points[[1, 0, 2, 4, 3]]


def _fitting(labels: Sequence[LabelledFace], find: FoundFace, free: set[int], overlap: float) -> int | None:
    """Return the free label a find fits best; one that counts goes before one that is ignored."""
    fits = [(not labels[number].ignored, fit(labels[number], find), number) for number in sorted(free)]
    good = [(counts, value, number) for counts, value, number in fits if value >= overlap and value > 0]
    return max(good)[2] if good else None
