"""The threshold that keeps a share of strangers unknown, and how sure it is."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faceid.evaluate.intervals import LEVEL, person_weights, score_interval
from faceid.evaluate.verification import threshold_at
from faceid.openset.calibration import Method
from faceid.openset.errors import CalibrationRefused
from faceid.openset.tail import ParetoTail

Array = NDArray[np.float64]

ENOUGH = 10.0
"""Strangers expected above the threshold from which it is read off the data instead of a fitted tail."""

LEAST_IMPOSTORS = 75
ROUNDS = 400
_DRAWS = 10


@dataclass(frozen=True, slots=True, eq=False)
class ImpostorScores:
    """The best cosine of each impostor search in a gallery.

    Attributes:
        best: best cosine with anybody enrolled who is not shown, float64, shape (n,), finite.
        person: who was shown, int64, shape (n,).
        gallery_size: subjects each was compared with.
    """

    best: Array = field(repr=False)
    person: NDArray[np.int64] = field(repr=False)
    gallery_size: int

    @property
    def people(self) -> int:
        """Number of impostors."""
        return len(np.unique(self.person))

    @property
    def effective(self) -> float:
        """Independent searches these are worth if those of one person agree wholly: Kish, Survey Sampling, 1965."""
        counts = np.unique(self.person, return_counts=True)[1].astype(np.float64)
        return float(counts.sum() ** 2 / (counts**2).sum())


@dataclass(frozen=True, slots=True)
class FittedThreshold:
    """A threshold for one gallery size.

    Attributes:
        threshold: least cosine.
        threshold_interval: where the one that just keeps the target lies.
        rate: FPIR at ``threshold`` as far as the data shows.
        rate_interval: where the FPIR lies that is seen on as many other strangers; the one behind it, of all strangers
            there are, lies in the middle of that.
        method: how it was found.
    """

    threshold: float
    threshold_interval: tuple[float, float]
    rate: float
    rate_interval: tuple[float, float]
    method: Method


def fit_threshold(
    scores: ImpostorScores, target: float, gallery_size: int, *, level: float = LEVEL, seed: int = 1
) -> FittedThreshold:
    """Find the least threshold at which FPIR(N, T) keeps a target.

    A search of N subjects is won by the best of N scores. Where the impostors were compared with another number G,
    FPIR(N) = 1 - (1 - FPIR(G))^(N / G): subjects count as independent only for that change of size, not for the
    searches themselves. Where fewer than ten impostors are expected above the threshold, a Pareto tail is fitted and
    the result marked as extrapolated.

    Args:
        scores: best cosines of impostors.
        target: FPIR to keep, between 0 and 1.
        gallery_size: N.
        level: confidence of the intervals, which resample people.
        seed: of the resampling.

    Raises:
        CalibrationRefused: fewer than 75 impostor searches, or a target or size out of range.
    """
    if not 0.0 < target < 1.0 or gallery_size < 1:
        raise _refused(f"The target is {target} for {gallery_size} subjects.", "a rate between 0 and 1, and subjects.")
    if scores.effective < LEAST_IMPOSTORS:
        raise _refused(
            f"There are {len(scores.best)} impostor searches, worth {scores.effective:.0f} people.",
            f"at least {LEAST_IMPOSTORS} different people.",
        )
    times = gallery_size / scores.gallery_size
    wanted = float(-np.expm1(np.log1p(-target) / times))
    if wanted * scores.effective >= ENOUGH:
        fitted = _read_off(scores, wanted, level, seed)
        method = Method.EMPIRICAL if gallery_size == scores.gallery_size else Method.SCALED
    else:
        fitted, method = _extrapolated(scores, wanted, level, seed), Method.PARETO_TAIL
    rate, low, high = (at_size(one, times) for one in (fitted[2], *fitted[3]))
    return FittedThreshold(fitted[0], fitted[1], rate, (low, high), method)


def at_size(rate: float, times: float) -> float:
    """Return FPIR for a gallery ``times`` as large: 1 - (1 - rate)^times."""
    return 1.0 if rate >= 1.0 else float(-np.expm1(np.log1p(-rate) * times))


def independent_threshold(rates: Array, thresholds: Array, target: float, gallery_size: int) -> float:
    """Return the threshold from single comparisons, FPIR = 1 - (1 - FMR)^N, as a check of :func:`fit_threshold`.

    Args:
        rates: FMR at each threshold, falling, float64, shape (t,).
        thresholds: ascending cosines, float64, shape (t,).

    Real searches are not independent, some people resemble many (Doddington et al., ICSLP 1998): where this differs
    much from the other threshold, believe the other.
    """
    wanted = -np.expm1(np.log1p(-target) / gallery_size)
    kept = np.flatnonzero(rates <= wanted)
    return float(thresholds[kept[0]]) if len(kept) else float(np.nextafter(thresholds[-1], np.inf))


_Found = tuple[float, tuple[float, float], float, tuple[float, float]]


def _read_off(scores: ImpostorScores, wanted: float, level: float, seed: int) -> _Found:
    threshold = threshold_at(scores.best, wanted)
    drawn = np.array([threshold_at(best, wanted) for best in _resampled(scores, seed)])
    rate = float(np.mean(scores.best >= threshold))
    # The share above an order statistic spreads as a proportion does, and another sample's share once more as much.
    low, high = score_interval(rate, scores.effective / 2, level)
    return threshold, _around(drawn, threshold, level), rate, (low, high)


def _extrapolated(scores: ImpostorScores, wanted: float, level: float, seed: int) -> _Found:
    tail = ParetoTail.fit(scores.best)
    threshold = tail.threshold_at(wanted)
    tails = [ParetoTail.fit(best) for best in _resampled(scores, seed)]
    thresholds = np.array([one.threshold_at(min(wanted, one.share)) for one in tails])
    rate = tail.rate_above(threshold)
    # What the next strangers show spreads around each rate that the data allows.
    trials = int(scores.effective)
    rates = np.array([min(one.rate_above(threshold), 1.0) for one in tails])
    seen = np.random.default_rng(seed).binomial(trials, np.repeat(rates, _DRAWS)) / trials
    return threshold, _around(thresholds, threshold, level), rate, _around(seen, rate, level)


def _resampled(scores: ImpostorScores, seed: int) -> Iterator[Array]:
    codes = np.unique(scores.person, return_inverse=True)[1]
    for weights in person_weights(scores.people, ROUNDS, seed=seed):
        for row in weights:
            yield np.repeat(scores.best, row[codes].astype(np.int64))


def _around(drawn: Array, value: float, level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
    return min(float(low), value), max(float(high), value)


def _refused(happened: str, expected: str) -> CalibrationRefused:
    return CalibrationRefused(
        happened, expected=expected, remedy="Add pictures of people who are not enrolled with --impostors."
    )
