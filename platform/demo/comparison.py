"""Compares two policies on the same people: rates with intervals by resampling people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One shown creative: who saw it, and whether they engaged."""

    person: int
    engaged: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Engagement rates before and after, and their difference."""

    before: Estimate
    after: Estimate
    lift: Estimate


def compare(before: Sequence[Outcome], after: Sequence[Outcome], *, seed: int = 0) -> Comparison:
    """Return the engagement rate of two policies and the difference, with 95 % percentile intervals.

    Cluster bootstrap over people (Cameron, Gelbach, Miller 2008): plays of one person are not independent, so whole
    persons are drawn with replacement, the same persons for both policies.
    """
    count = 1 + max(outcome.person for outcome in (*before, *after))
    tables = [_per_person(outcomes, count) for outcomes in (before, after)]
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    rates = [(draws @ table[:, 1]) / np.maximum(draws @ table[:, 0], 1) for table in tables]
    values = [table[:, 1].sum() / max(table[:, 0].sum(), 1) for table in tables]
    return Comparison(
        _estimate(values[0], rates[0]),
        _estimate(values[1], rates[1]),
        _estimate(values[1] - values[0], rates[1] - rates[0]),
    )


def _per_person(outcomes: Sequence[Outcome], count: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    table = np.zeros((count, 2), dtype=np.int64)
    for outcome in outcomes:
        table[outcome.person] += (1, int(outcome.engaged))
    return table


def _estimate(value: float, resampled: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Estimate:
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Estimate(float(value), float(low), float(high))
