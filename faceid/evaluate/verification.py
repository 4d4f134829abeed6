"""How often two pictures of one person are told apart, and two people taken for one (ISO/IEC 19795-1:2021)."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faceid.evaluate.intervals import LEVEL, ROUNDS, Estimate, bootstrap

Scores = NDArray[np.float64]
Replicate = Callable[[Scores], Scores]


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Labelled comparisons of two pictures each.

    Attributes:
        scores: raw cosines, float64, shape (n,); -inf where a picture gave no embedding, which never matches.
        same: whether both pictures show one person, bool, shape (n,).
        first, second: code of the person in each picture, int64, shape (n,), 0 to people - 1.
        folds: number of the fold of each comparison, int64, shape (n,).
    """

    scores: Scores = field(repr=False)
    same: NDArray[np.bool_] = field(repr=False)
    first: NDArray[np.int64] = field(repr=False)
    second: NDArray[np.int64] = field(repr=False)
    folds: NDArray[np.int64] = field(repr=False)

    @property
    def genuine(self) -> Scores:
        """Scores of pictures of one person."""
        return self.scores[self.same]

    @property
    def impostor(self) -> Scores:
        """Scores of pictures of two people."""
        return self.scores[~self.same]

    @property
    def people(self) -> int:
        """Number of people."""
        return int(max(self.first.max(initial=-1), self.second.max(initial=-1))) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Both error rates over the threshold; a comparison passes when its score is at least the threshold.

    Attributes:
        thresholds: ascending cosines, float64, shape (t,).
        fmr: false match rate at each, descending, 0 to 1. With pictures that gave no embedding counted as
            non-matches this is the false accept rate of the whole system.
        fnmr: false non-match rate at each, ascending, 0 to 1.
    """

    thresholds: Scores = field(repr=False)
    fmr: Scores = field(repr=False)
    fnmr: Scores = field(repr=False)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a false match rate costs.

    Attributes:
        far: the false match rate asked for, 0 to 1.
        threshold: least cosine at which it is kept.
        tar: share of genuine comparisons that pass there.
        resolved: whether there are at least ten impostor comparisons per expected false match; below that the
            threshold hangs on a handful of scores.
    """

    far: float
    threshold: float
    tar: Estimate
    resolved: bool


@dataclass(frozen=True, slots=True)
class FoldAccuracy:
    """Accuracy at the threshold that is best on the other folds (Huang et al., LFW, 2007, section 4).

    Attributes:
        mean: of the folds' accuracies, 0 to 1.
        standard_error: their standard deviation over the root of their number; nan with one fold.
        accuracies, thresholds: one per fold.
    """

    mean: float
    standard_error: float
    accuracies: tuple[float, ...]
    thresholds: tuple[float, ...]


def curve(genuine: Scores, impostor: Scores) -> Curve:
    """Compute the ROC or DET curve: both error rates at every score that occurs, and just above the last.

    Args:
        genuine, impostor: scores, float64, shapes (g,) and (i,); -inf never passes.
    """
    finite = np.concatenate([genuine, impostor])
    finite = np.unique(finite[np.isfinite(finite)])
    thresholds = np.append(finite, np.nextafter(finite[-1], np.inf)) if len(finite) else np.zeros(1)
    return Curve(thresholds, passing(impostor, thresholds), 1.0 - passing(genuine, thresholds))


def passing(scores: Scores, thresholds: Scores) -> Scores:
    """Return the share of scores that are at least each threshold; 0 where there are no scores."""
    if not len(scores):
        return np.zeros(len(thresholds))
    below = np.searchsorted(np.sort(scores), thresholds, side="left")
    share: Scores = 1.0 - below / len(scores)
    return share


def threshold_at(impostor: Scores, rate: float) -> float:
    """Return the least threshold at which no greater share than ``rate`` of the impostor scores passes.

    Raises:
        ValueError: there are no scores, or ``rate`` is not between 0 and 1.
    """
    if not len(impostor) or not 0.0 <= rate <= 1.0:
        raise ValueError(f"No threshold follows from {len(impostor)} scores at rate {rate}.")
    allowed = int(rate * len(impostor) + 1e-9)
    if allowed >= len(impostor):
        return -1.0
    blocking = np.partition(impostor, len(impostor) - 1 - allowed)[len(impostor) - 1 - allowed]
    return float(np.nextafter(blocking, np.inf)) if np.isfinite(blocking) else -1.0


def true_accept_rate(
    comparisons: Comparisons, far: float, *, rounds: int = ROUNDS, level: float = LEVEL
) -> OperatingPoint:
    """Measure the share of genuine comparisons that pass where impostors pass at rate ``far``.

    The interval resamples people, and in every resample finds the threshold again, so that it covers the
    threshold's uncertainty too. An impostor comparison weighs as the product of its two people's counts.

    Raises:
        ValueError: there are no genuine or no impostor comparisons.
    """
    genuine, impostor = comparisons.genuine, comparisons.impostor
    threshold = threshold_at(impostor, far)
    value = float(passing(genuine, np.array([threshold]))[0])
    order = np.argsort(-impostor, kind="stable")
    ranked = impostor[order]
    first, second = comparisons.first[~comparisons.same][order], comparisons.second[~comparisons.same][order]
    mates, ascending = _ascending(genuine, comparisons.first[comparisons.same])

    def replicate(weights: Scores) -> Scores:
        total = np.cumsum(weights[:, first] * weights[:, second], axis=1)
        blocking = np.argmax(total > far * total[:, -1:] + 1e-9, axis=1)
        passed = np.cumsum(weights[:, mates[::-1]], axis=1)[:, ::-1]
        begin = np.searchsorted(ascending, ranked[blocking], side="right")
        shares = np.append(passed, np.zeros((len(passed), 1)), axis=1)[np.arange(len(passed)), begin]
        return _ratio(shares, passed[:, 0], total[:, -1])

    tar = bootstrap(
        value, _pieces(replicate, len(impostor)), comparisons.people, trials=len(genuine),
        independent=len(np.unique(mates)), rounds=rounds, level=level,
    )  # fmt: skip
    return OperatingPoint(far, threshold, tar, far * len(impostor) >= 10.0)


def equal_error_rate(comparisons: Comparisons, *, rounds: int = ROUNDS, level: float = LEVEL) -> Estimate:
    """Measure the rate at which false matches and false non-matches are equally frequent.

    Between the two neighbouring thresholds where the rates cross, their mean at the nearer one is taken.

    Raises:
        ValueError: there are no genuine or no impostor comparisons.
    """
    if not comparisons.same.any() or comparisons.same.all():
        raise ValueError("An equal error rate needs genuine and impostor comparisons.")
    order = np.argsort(comparisons.scores, kind="stable")
    scores, same = comparisons.scores[order], comparisons.same[order]
    first, second = comparisons.first[order], comparisons.second[order]
    last_of_level = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)

    def rates(weights: Scores) -> Scores:
        heavy = np.where(same, weights[:, first], weights[:, first] * weights[:, second])
        missed = np.cumsum(np.where(same, heavy, 0.0), axis=1)
        kept_out = np.cumsum(np.where(same, 0.0, heavy), axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            fnmr = missed[:, last_of_level] / missed[:, -1:]
            fmr = 1.0 - kept_out[:, last_of_level] / kept_out[:, -1:]
        gap = np.abs(fnmr - fmr)
        nearest = np.argmin(np.where(np.isfinite(gap), gap, np.inf), axis=1)
        rows = np.arange(len(weights))
        mean: Scores = (fnmr[rows, nearest] + fmr[rows, nearest]) / 2
        return mean

    value = float(rates(np.ones((1, comparisons.people)))[0])
    return bootstrap(
        value, _pieces(rates, len(scores)), comparisons.people, trials=len(scores),
        independent=len(np.unique(first[same])), rounds=rounds, level=level,
    )  # fmt: skip


def fold_accuracy(comparisons: Comparisons) -> FoldAccuracy:
    """Measure accuracy fold by fold, each at the threshold that is best on the others.

    With one fold its own best threshold is used, which flatters; ``standard_error`` is then nan.
    """
    names = np.unique(comparisons.folds)
    accuracies, thresholds = [], []
    for name in names:
        held = comparisons.folds == name
        learnt = ~held if len(names) > 1 else held
        threshold = best_threshold(comparisons.scores[learnt], comparisons.same[learnt])
        said = comparisons.scores[held] >= threshold
        accuracies.append(float(np.mean(said == comparisons.same[held])))
        thresholds.append(threshold)
    error = float(np.std(accuracies, ddof=1) / np.sqrt(len(names))) if len(names) > 1 else float("nan")
    return FoldAccuracy(float(np.mean(accuracies)), error, tuple(accuracies), tuple(thresholds))


def best_threshold(scores: Scores, same: NDArray[np.bool_]) -> float:
    """Return the threshold with the greatest accuracy, in the middle of the gap it may lie in.

    Args:
        scores: cosines, float64, shape (n,).
        same: bool, shape (n,).
    """
    order = np.argsort(scores, kind="stable")
    ordered, labels = scores[order], same[order]
    # Threshold before position p: everything from p on passes.
    right = np.append(0, np.cumsum(~labels)) + np.append(np.cumsum(labels[::-1])[::-1], 0)
    level_begins = np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])
    position = int(np.argmax(np.where(level_begins, right, -1)))
    if position == 0:
        return float(max(ordered[0], -1.0))
    if position == len(ordered):
        return float(np.nextafter(ordered[-1], np.inf))
    below, above = float(ordered[position - 1]), float(ordered[position])
    return (max(below, -1.0) + above) / 2


def _ascending(scores: Scores, people: NDArray[np.int64]) -> tuple[NDArray[np.int64], Scores]:
    order = np.argsort(scores, kind="stable")
    return people[order], scores[order]


def _ratio(part: Scores, whole: Scores, needed: Scores) -> Scores:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: Scores = np.where(needed > 0, part / whole, np.nan)
    return ratio


def _pieces(replicate: Replicate, columns: int) -> Replicate:
    """Feed rounds in pieces, so that rounds x comparisons never fill the memory."""
    rows = max(1, 2_000_000 // max(columns, 1))

    def piecewise(weights: Scores) -> Scores:
        return np.concatenate([replicate(weights[begin : begin + rows]) for begin in range(0, len(weights), rows)])

    return piecewise
