"""Turning raw scores into log-odds."""

import numpy as np
from numpy.typing import NDArray

_STEPS = 100
_ENOUGH = 1e-10
_LEAST_SLOPE = 1e-3


def fit_line(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Fit slope and intercept so that ``slope * score + intercept`` is the log-odds of positive.

    Args:
        scores: finite, shape (n,).
        positive: shape (n,); both kinds occur.
        weights: positive, shape (n,); they stand for the prior that the log-odds shall assume.

    Returns:
        Slope, at least 0.001 per spread of the scores, and intercept: a fit never turns a score around.

    Raises:
        ValueError: only one kind occurs.

    Platt 1999 with the targets of its section 3.2, so that scores which separate perfectly do not give infinite odds;
    Newton's method after Lin, Lin, Weng, Machine Learning 68, 2007.
    """
    count = int(positive.sum()), int((~positive).sum())
    if not all(count):
        raise ValueError("A line needs scores of both kinds.")
    centre, spread = float(scores.mean()), max(float(scores.std()), 1e-9)
    unit = (scores - centre) / spread
    high, low = (count[0] + 1) / (count[0] + 2), 1 / (count[1] + 2)
    target = np.where(positive, high, low)
    slope, intercept = _newton(unit, target, weights / weights.sum())
    slope = max(slope, _LEAST_SLOPE)
    return slope / spread, intercept - slope * centre / spread


def _newton(
    unit: NDArray[np.float64], target: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    design = np.column_stack([unit, np.ones_like(unit)])
    line = np.zeros(2)
    loss = _loss(design @ line, target, weights)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-design @ line))
        gradient = design.T @ (weights * (chance - target))
        curvature = (design * (weights * chance * (1 - chance))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-6 and _loss(design @ (line - size * step), target, weights) > loss:
            size /= 2
        line = line - size * step
        before, loss = loss, _loss(design @ line, target, weights)
        if before - loss < _ENOUGH:
            break
    return float(line[0]), float(line[1])


def _loss(odds: NDArray[np.float64], target: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    return float((weights * (np.logaddexp(0.0, odds) - target * odds)).sum())
