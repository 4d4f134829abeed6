"""Intervals around measured rates: Wilson's where trials are independent, bootstrap over people where they are not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
ROUNDS = 1000
_CELLS = 4_000_000
"""Weights drawn at once: rounds are cut into pieces that keep memory below some hundred megabytes."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured figure and the interval that holds the true one with the stated confidence.

    Attributes:
        value: the figure; nan where there were no trials.
        low, high: ends of the interval.
        trials: comparisons or searches it was measured on.
    """

    value: float
    low: float
    high: float
    trials: int

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(hits: int, trials: int, level: float = LEVEL) -> Estimate:
    """Estimate a proportion of independent trials.

    Args:
        hits: trials that succeeded, 0 to ``trials``.
        trials: all of them; with none the interval is 0 to 1.
        level: confidence, 0 to 1.

    Raises:
        ValueError: more hits than trials, or a negative count.

    Wilson, JASA 22(158), 1927.
    """
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} of {trials} is no proportion.")
    if trials == 0:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    return Estimate(hits / trials, *score_interval(hits / trials, trials, level), trials)


def score_interval(share: float, trials: float, level: float = LEVEL) -> tuple[float, float]:
    """Return Wilson's interval around a share, also of a number of trials that is not whole.

    Args:
        share: 0 to 1.
        trials: what the share is worth in independent trials, above 0.
        level: confidence, 0 to 1.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = float(z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2)))
    return (0.0 if share == 0.0 else max(0.0, centre - half)), (1.0 if share == 1.0 else min(1.0, centre + half))


def mean_of(first: Estimate, second: Estimate) -> Estimate:
    """Return the mean of two rates that were measured on different trials, with the means of their ends.

    For independent rates this interval contains that of Zou and Donner (Statistics in Medicine 27(10), 2008), which
    joins distances from the rates to the ends as roots of sums of squares and keeps its parts' confidence; so it is
    conservative. It also holds, at twice the parts' risk, where the two depend on each other (Bonferroni).
    """
    return Estimate(
        (first.value + second.value) / 2, (first.low + second.low) / 2, (first.high + second.high) / 2,
        first.trials + second.trials,
    )  # fmt: skip


def area_estimate(value: float, positives: int, negatives: int, level: float = LEVEL) -> Estimate:
    """Put an interval around the area under a receiver operating curve.

    The ends are the areas whose own standard error, by Hanley and McNeil's formula with both counts replaced by their
    mean, puts the measured one at the edge of what is likely: so an area of 1 has an interval too. Newcombe, Statistics
    in Medicine 25(4), 2006, 559, method 5.

    Args:
        value: the area, 0 to 1; nan where a kind is missing.
        positives, negatives: independent scores of either kind.
        level: confidence, 0 to 1.
    """
    trials = positives + negatives
    if not np.isfinite(value):
        return Estimate(value, 0.0, 1.0, trials)
    z, others = NormalDist().inv_cdf(0.5 + level / 2), trials / 2 - 1

    def edge(towards: float) -> float:
        inside, outside = value, towards
        for _ in range(60):
            middle = (inside + outside) / 2
            spread = 1 + others * (1 - middle) / (2 - middle) + others * middle / (1 + middle)
            likely = (value - middle) ** 2 <= z * z * middle * (1 - middle) * spread / (positives * negatives)
            inside, outside = (middle, outside) if likely else (inside, middle)
        return inside

    return Estimate(value, edge(0.0) if value > 0.0 else 0.0, edge(1.0) if value < 1.0 else 1.0, trials)


def person_weights(people: int, rounds: int, *, seed: int = 1) -> Iterator[NDArray[np.float64]]:
    """Draw how often each person is in each resample of the people, with replacement.

    Args:
        people: number of different people.
        rounds: resamples in all.
        seed: of the draw; the same seed gives the same interval.

    Yields:
        Counts, float64, shape (some rounds, people); each row sums to ``people``.

    Resampling people instead of comparisons keeps together what depends on one person: Bolle, Ratha and Pankanti,
    Computer Vision and Image Understanding 93(1), 2004 (subsets bootstrap).
    """
    random = np.random.default_rng(seed)
    share = np.full(people, 1.0 / max(people, 1))
    piece = max(1, _CELLS // max(people, 1))
    for begin in range(0, rounds, piece):
        yield random.multinomial(people, share, size=min(piece, rounds - begin)).astype(np.float64)


def bootstrap(
    value: float,
    replicate: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    people: int,
    *,
    trials: int,
    independent: int,
    rounds: int = ROUNDS,
    level: float = LEVEL,
    seed: int = 1,
) -> Estimate:
    """Put a percentile interval over resampled people around a figure.

    Args:
        value: the figure on the data as it is.
        replicate: the figure of each row of weights, shape (rounds, people) to (rounds,); nan where a resample lacks
            the trials it needs.
        people, rounds, seed: see :func:`person_weights`.
        trials: what the figure was measured on.
        independent: people whose trials the figure counts. A share of 0 or 1 cannot vary by resampling; it gets
            Wilson's interval for so many trials.
        level: confidence, 0 to 1.

    Efron, Annals of Statistics 7(1), 1979.
    """
    if people < 2 or not np.isfinite(value):
        return Estimate(value, 0.0, 1.0, trials)
    drawn = np.concatenate([replicate(weights) for weights in person_weights(people, rounds, seed=seed)])
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Estimate(value, 0.0, 1.0, trials)
    if value in (0.0, 1.0) and (drawn == value).all():
        return Estimate(value, *score_interval(value, max(independent, 1), level), trials)
    low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
    return Estimate(value, min(float(low), value), max(float(high), value), trials)


def rate_over_people(
    hits: NDArray[np.bool_], people: NDArray[np.int64], *, rounds: int = ROUNDS, level: float = LEVEL, seed: int = 1
) -> Estimate:
    """Estimate a proportion of trials of which several may belong to one person.

    Args:
        hits: bool, shape (n,).
        people: whose trial each is, int64, shape (n,).
        rounds, level, seed: see :func:`bootstrap`.

    Returns:
        Wilson's interval where everybody has one trial, or where all trials or none succeeded and resampling could
        not vary; the bootstrap's otherwise. In the second case every person counts as one trial.
    """
    trials, found = len(hits), int(np.count_nonzero(hits))
    codes = np.unique(people, return_inverse=True)[1] if trials else people
    count = int(codes.max()) + 1 if trials else 0
    if count == trials:
        return wilson(found, trials, level)
    hit_of, all_of = np.bincount(codes, hits.astype(np.float64), count), np.bincount(codes, minlength=count)

    def replicate(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        rates: NDArray[np.float64] = (weights @ hit_of) / (weights @ all_of)
        return rates

    return bootstrap(
        found / trials, replicate, count, trials=trials, independent=count, rounds=rounds, level=level, seed=seed
    )
