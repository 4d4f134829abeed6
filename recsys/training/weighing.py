"""What the validation part makes of further terms beside a network's log-odds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.training.calibrate import newton

BLOCKS = 5
LEAST_NATS = 5.0
"""Log-likelihood of the validation part by which a term must be better than none, so that chance is not enough."""
SPREAD = 3.0
"""Standard deviation that weights are believed to have before any row is seen, of terms by their own spread and of
counts as they are: a few rows that agree make no certainty."""

Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weighing:
    """How log-odds are made of a network's and of some terms.

    Attributes:
        slope: of the network's log-odds; 0 where they are worth nothing beside the terms.
        intercept: beside it.
        weights: of the terms.
        counted: weights of what was counted.
        nats: log-likelihood of the validation part, each block of rows judged by a fit to the others.
    """

    slope: float
    intercept: float
    weights: tuple[float, ...]
    counted: tuple[float, ...]
    nats: float

    def betters(self, other: Weighing) -> bool:
        """Tell whether a further term is worth having, and no term is taken away instead of added.

        What was counted may be taken away: that few have met something may speak for it.
        """
        return min(self.weights, default=1.0) > 0 and self.nats > other.nats + LEAST_NATS

    def without_terms(self, learnt: Column, counted: Sequence[Column], labels: NDArray[np.float32]) -> float:
        """Return the log-likelihood of rows, in nats, about which the terms say nothing.

        Args:
            learnt, counted, labels: shape (rows,).
        """
        log_odds = self.slope * learnt + self.intercept
        for weight, column in zip(self.counted, counted, strict=True):
            log_odds = log_odds + weight * column
        return _nats(log_odds, np.asarray(labels, dtype=np.float64))


def weigh(
    learnt: Column, terms: Sequence[Column], labels: NDArray[np.float32], counted: Sequence[Column] = ()
) -> Weighing:
    """Fit slopes of a network's log-odds, of terms and of counts, and an intercept, by maximum a posteriori.

    Args:
        learnt, terms, labels, counted: shape (rows,), in order of time: blocks are of neighbouring rows, so that what
            holds for a while only does not count.
    """
    targets = np.asarray(labels, dtype=np.float64)
    spreads = np.array([float(term.std()) or 1.0 for term in terms])
    scaled = [term / spread for term, spread in zip(terms, spreads, strict=True)]
    design = np.stack([learnt, np.ones_like(learnt), *scaled, *counted], axis=1)
    fitted = _fit(design, targets, [1.0] + [0.0] * (design.shape[1] - 1))
    if fitted[0] < 0:  # it would be subtracted, where there is nothing to be said for it
        design[:, 0] = 0.0
        fitted = _fit(design, targets, [0.0] * design.shape[1])
    nats = 0.0
    for block in np.array_split(np.arange(len(targets)), BLOCKS):
        others = np.delete(np.arange(len(targets)), block)
        nats += _nats(design[block] @ _fit(design[others], targets[others], fitted), targets[block])
    last = 2 + len(terms)
    weights = (fitted[2:last] / spreads).tolist()
    return Weighing(float(fitted[0]), float(fitted[1]), tuple(weights), tuple(fitted[last:].tolist()), nats)


def _fit(design: NDArray[np.float64], targets: Column, start: Sequence[float] | Column) -> Column:
    return newton(design, np.zeros(len(design)), targets, start, 1 / (SPREAD**2 * len(targets)))


def _nats(log_odds: Column, targets: Column) -> float:
    return float((targets * log_odds - np.logaddexp(0, log_odds)).sum())
