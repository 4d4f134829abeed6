"""Probabilities that mean what they say."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.serving.metadata import Calibration

ITERATIONS = 50
TOLERANCE = 1e-10


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
    scores = np.clip(np.asarray(scores, dtype=np.float64), 1e-7, 1 - 1e-7)
    logits = np.log(scores / (1 - scores))
    positives = labels.sum()
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (len(labels) - positives + 2))
    slope, intercept = _newton(np.stack([logits, np.ones_like(logits)], axis=1), np.zeros_like(logits), targets, [1, 0])
    if slope <= 0:
        (intercept,) = _newton(np.ones((len(logits), 1)), logits, targets, [0])
        slope = 1.0
    return Calibration(slope=float(slope), intercept=float(intercept))


def _newton(
    design: NDArray[np.float64], offset: NDArray[np.float64], targets: NDArray[np.float64], start: list[int]
) -> NDArray[np.float64]:
    weights = np.array(start, dtype=np.float64)
    loss = _loss(design @ weights + offset, targets)
    for _ in range(ITERATIONS):
        predicted = 1 / (1 + np.exp(-(design @ weights + offset)))
        gradient = design.T @ (predicted - targets)
        hessian = (design * (predicted * (1 - predicted))[:, None]).T @ design + 1e-9 * np.eye(len(weights))
        step = np.linalg.solve(hessian, gradient)
        scale = 1.0
        while scale > 1e-6 and _loss(design @ (weights - scale * step) + offset, targets) > loss:
            scale /= 2
        weights = weights - scale * step
        before, loss = loss, _loss(design @ weights + offset, targets)
        if before - loss < TOLERANCE:
            break
    return weights


def _loss(logits: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    return float((np.logaddexp(0, logits) - targets * logits).mean())
