"""What the validation part makes of further terms beside a network's log-odds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.training.calibrate import newton

BLOCKS = 5
LEAST_NATS = 5.0
"""Log-likelihood of the validation part by which a term must be better than none, so that chance is not enough."""

Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weighing:
    """How log-odds are made of a network's and of some terms.

    Attributes:
        slope, intercept: of the network's log-odds.
        weights: of the terms.
        nats: log-likelihood of the validation part, each block of rows judged by a fit to the others.
    """

    slope: float
    intercept: float
    weights: tuple[float, ...]
    nats: float

    def betters(self, other: Weighing) -> bool:
        """Tell whether a further term is worth having, and everything is added up and nothing taken away."""
        return min(self.slope, *self.weights) > 0 and self.nats > other.nats + LEAST_NATS


def weigh(learnt: Column, terms: list[Column], labels: NDArray[np.float32]) -> Weighing:
    """Fit slopes of a network's log-odds and of terms, and an intercept, by maximum likelihood.

    Args:
        learnt, terms, labels: shape (rows,), in order of time: blocks are of neighbouring rows, so that what holds for
            a while only does not count.
    """
    targets = np.asarray(labels, dtype=np.float64)
    spreads = np.array([float(term.std()) or 1.0 for term in terms])
    scaled = [term / spread for term, spread in zip(terms, spreads, strict=True)]
    design = np.stack([learnt, np.ones_like(learnt), *scaled], axis=1)
    fitted = _fit(design, targets)
    nats = 0.0
    for block in np.array_split(np.arange(len(targets)), BLOCKS):
        others = np.delete(np.arange(len(targets)), block)
        nats += _nats(design[block] @ _fit(design[others], targets[others]), targets[block])
    return Weighing(float(fitted[0]), float(fitted[1]), tuple((fitted[2:] / spreads).tolist()), nats)


def _fit(design: NDArray[np.float64], targets: Column) -> Column:
    return newton(design, np.zeros(len(design)), targets, [1] + [0] * (design.shape[1] - 1))


def _nats(log_odds: Column, targets: Column) -> float:
    return float((targets * log_odds - np.logaddexp(0, log_odds)).sum())
