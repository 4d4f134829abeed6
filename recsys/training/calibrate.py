"""Probabilities that mean what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.serving.calibration import Calibration

GROUPS = ("scene", "position")
ITERATIONS = 50
TOLERANCE = 1e-10
TINY = 1e-12
LEAST_ROWS = 200
"""Of a scene or position that may have a shift of its own."""
MOST_GROUPS = 50
SPREAD = 0.5
"""Standard deviation, in log-odds, that shifts are believed to have before any row is seen."""

Ids = NDArray[np.int32]


def fit_calibration(
    labels: ArrayLike, scores: NDArray[np.float32], feeds: Mapping[str, Ids], calibrating: tuple[str, ...] = GROUPS
) -> Calibration:
    """Fit Platt scaling and, on top of it, a shift for each scene and each position that has rows enough.

    The shifts are drawn towards 0 by a normal prior (partial pooling: Gelman and Hill, "Data analysis using regression
    and multilevel models", 2007, ch. 12 and 14), so that a scene with few rows is believed little.

    Args:
        labels: 0 or 1, shape (rows,); both must occur.
        scores: the network's probabilities, shape (rows,).
        feeds: encoded features of the rows; of them ``calibrating`` are looked at.
    """
    platt = fit_platt(labels, scores)
    groups = [(name, int(one)) for name in calibrating if name in feeds for one in _frequent(feeds[name])]
    if not groups:
        return platt
    members = np.stack([feeds[name][:, 0] == one for name, one in groups], axis=1).astype(np.float64)
    targets = np.asarray(labels, dtype=np.float64)
    prior = 1 / (SPREAD**2 * len(targets))
    shifts = newton(members, _logits(scores) * platt.slope + platt.intercept, targets, [0] * len(groups), prior)
    by_name = {
        name: {one: float(shift) for (group, one), shift in zip(groups, shifts, strict=True) if group == name}
        for name in GROUPS
    }
    return replace(platt, scenes=by_name["scene"], positions=by_name["position"])


def fit_platt(labels: ArrayLike, scores: ArrayLike) -> Calibration:
    """Fit the slope and intercept that turn a network's log-odds into calibrated ones.

    Args:
        labels: 0 or 1, shape (rows,); both must occur.
        scores: the network's probabilities, shape (rows,).

    Newton's method with step halving on Platt's smoothed targets: Platt 1999; Lin, Lin and Weng, "A note on Platt's
    probabilistic outputs", Machine Learning 68, 2007. A slope that is not positive would turn the ranking around: then
    the scores carry no information, and only the intercept is fitted, with slope 1.
    """
    labels = np.asarray(labels, dtype=np.float64)
    logits = _logits(scores)
    positives = labels.sum()
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (len(labels) - positives + 2))
    slope, intercept = newton(np.stack([logits, np.ones_like(logits)], axis=1), np.zeros_like(logits), targets, [1, 0])
    if slope <= 0:
        (intercept,) = newton(np.ones((len(logits), 1)), logits, targets, [0])
        slope = 1.0
    return Calibration(slope=float(slope), intercept=float(intercept))


def _frequent(ids: Ids) -> list[int]:
    """Return the ids that may have a shift, the most frequent first; none where there is only one id at all."""
    found, counts = np.unique(ids, return_counts=True)
    if len(found) < 2:
        return []
    order = np.argsort(-counts, kind="stable")[:MOST_GROUPS]
    return [int(found[place]) for place in order if counts[place] >= LEAST_ROWS]


def _logits(scores: ArrayLike) -> NDArray[np.float64]:
    safe = np.clip(np.asarray(scores, dtype=np.float64), 1e-7, 1 - 1e-7)
    logits: NDArray[np.float64] = np.log(safe / (1 - safe))
    return logits


def newton(
    design: NDArray[np.float64],
    offset: NDArray[np.float64],
    targets: NDArray[np.float64],
    start: Sequence[float] | NDArray[np.float64],
    prior: float = 0.0,
) -> NDArray[np.float64]:
    """Minimise the mean log loss plus half of ``prior`` times the squared weights."""

    def objective(weights: NDArray[np.float64]) -> float:
        return _loss(design @ weights + offset, targets) + prior / 2 * float(weights @ weights)

    weights = np.array(start, dtype=np.float64)
    loss, identity = objective(weights), np.eye(len(weights))
    for _ in range(ITERATIONS):
        predicted = 1 / (1 + np.exp(-(design @ weights + offset)))
        gradient = design.T @ (predicted - targets) / len(targets) + prior * weights
        hessian = (design * (predicted * (1 - predicted))[:, None]).T @ design / len(targets)
        step = np.linalg.solve(hessian + (prior + TINY) * identity, gradient)
        scale = 1.0
        while scale > 1e-6 and objective(weights - scale * step) > loss:
            scale /= 2
        weights = weights - scale * step
        before, loss = loss, objective(weights)
        if before - loss < TOLERANCE:
            break
    return weights


def _loss(logits: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    return float((np.logaddexp(0, logits) - targets * logits).mean())
