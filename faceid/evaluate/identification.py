"""Searching people in a gallery that does not hold everybody: open-set identification.

Terms after ISO/IEC 19795-1:2021 and NIST's FRVT 1:N (Grother, Ngan and Hanaoka, NISTIR 8271, 2019): a *mated* search
shows somebody who is enrolled, a *non-mated* search a stranger. FNIR(N, T) is the share of mated searches that do not
name the right person among N at threshold T, FPIR(N, T) the share of non-mated searches that name anybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faceid.evaluate.intervals import LEVEL, ROUNDS, Estimate, bootstrap, rate_over_people
from faceid.evaluate.verification import Replicate, Scores, passing, threshold_at

_CELLS = 20_000_000
"""Scores held at once: probes are searched in pieces."""

NOBODY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """What searching each probe in one gallery gave; a probe without embedding found nothing.

    Attributes:
        person: code of who each probe shows, int64, shape (n,); strangers have codes too.
        mated: whether that person is enrolled, bool, shape (n,). Somebody whose enrolment failed counts as mated:
            they came to be recognised.
        mate: best cosine with the right person, float64, shape (n,); -inf for strangers and failures.
        other: best cosine with anybody else, float64, shape (n,).
        runner_up: second-best cosine with anybody else, each subject counted once, float64, shape (n,).
        rank: place of the right person, 1 is best, int64, shape (n,); 0 where there is none.
        enrolled: subjects in the gallery, the N of the figures.
    """

    person: NDArray[np.int64] = field(repr=False)
    mated: NDArray[np.bool_] = field(repr=False)
    mate: Scores = field(repr=False)
    other: Scores = field(repr=False)
    runner_up: Scores = field(repr=False)
    rank: NDArray[np.int64] = field(repr=False)
    enrolled: int

    def named(self, margin: float) -> Scores:
        """Return the score at which each probe names its best subject, -inf where the second best is too near."""
        best = np.maximum(self.mate, self.other)
        second = np.where(self.mate >= self.other, self.other, np.maximum(self.mate, self.runner_up))
        return np.where(_apart(best, second, margin), best, -np.inf)

    def right(self, margin: float) -> Scores:
        """Return the score at which each mated probe names the right subject; -inf where it never does."""
        named = self.named(margin)
        return np.where(self.mate > self.other, named, -np.inf)[self.mated]

    def wrong(self, margin: float) -> Scores:
        """Return the score at which each non-mated probe names anybody; -inf where it never does."""
        return self.named(margin)[~self.mated]


@dataclass(frozen=True, slots=True)
class Point:
    """FNIR at a given FPIR.

    Attributes:
        fpir: what was asked for, 0 to 1.
        threshold: least cosine that keeps it.
        fnir: share of mated searches that then fail.
        resolved: whether there are at least ten non-mated searches per expected false positive.
    """

    fpir: float
    threshold: float
    fnir: Estimate
    resolved: bool


def search(
    gallery: NDArray[np.float32],
    subjects: NDArray[np.int64],
    probes: NDArray[np.float32],
    people: NDArray[np.int64],
    *,
    expected: Sequence[int] = (),
) -> Searches:
    """Compare every probe with every template, exactly.

    Args:
        gallery: unit vectors, float32, shape (g, dimension).
        subjects: code of the subject of each template, int64, shape (g,); a subject may have several.
        probes: unit vectors, float32, shape (n, dimension). A row of nan is a probe that gave no embedding.
        people: code of who each probe shows, int64, shape (n,).
        expected: codes of people who came to enrol, whether or not it worked; their probes are mated.

    Raises:
        ValueError: the gallery is empty.
    """
    if not len(gallery):
        raise ValueError("Nobody is enrolled.")
    order = np.argsort(subjects, kind="stable")
    enrolled, begins = np.unique(subjects[order], return_index=True)
    ordered = np.ascontiguousarray(gallery[order])
    mated = np.isin(people, np.concatenate([enrolled, np.asarray(expected, dtype=np.int64)]))
    columns = np.searchsorted(enrolled, people)
    columns = np.where(np.isin(people, enrolled), columns, NOBODY)
    rows = max(1, _CELLS // len(gallery))
    parts = [
        _searched(ordered, begins, probes[begin : begin + rows], columns[begin : begin + rows])
        for begin in range(0, len(probes), rows)
    ] or [(np.empty(0), np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))]
    mate, other, runner_up, rank = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Searches(people, mated, mate, other, runner_up, rank, len(enrolled))


def false_negative_rate(searches: Searches, threshold: float, margin: float = 0.0) -> Estimate:
    """Measure FNIR(N, T): mated searches in which the right person is not named first, by the rule in use."""
    missed = searches.right(margin) < threshold
    return rate_over_people(missed, searches.person[searches.mated])


def false_positive_rate(searches: Searches, threshold: float, margin: float = 0.0) -> Estimate:
    """Measure FPIR(N, T): non-mated searches in which anybody is named."""
    return rate_over_people(searches.wrong(margin) >= threshold, searches.person[~searches.mated])


def wrong_person_rate(searches: Searches, threshold: float, margin: float = 0.0) -> Estimate:
    """Measure how often an enrolled person is taken for another: mated searches that name the wrong subject."""
    named = searches.named(margin) >= threshold
    wrong = (named & (searches.mate <= searches.other))[searches.mated]
    return rate_over_people(wrong, searches.person[searches.mated])


def curves(searches: Searches, margin: float = 0.0) -> tuple[Scores, Scores, Scores]:
    """Return ascending thresholds, FPIR (falling) and FNIR (rising) at each; float64, shape (t,) each."""
    right, wrong = searches.right(margin), searches.wrong(margin)
    finite = np.concatenate([right, wrong])
    finite = np.unique(finite[np.isfinite(finite)])
    thresholds = np.append(finite, np.nextafter(finite[-1], np.inf)) if len(finite) else np.zeros(1)
    return thresholds, passing(wrong, thresholds), 1.0 - passing(right, thresholds)


def cumulative_match(searches: Searches, ranks: int = 20) -> Scores:
    """Compute the cumulative match characteristic: share of mated searches with the right person among the first k.

    Args:
        ranks: the greatest k.

    Returns:
        Float64, shape (ranks,), ascending, for k = 1 to ``ranks``; failures to acquire have no rank and count.
    """
    rank = searches.rank[searches.mated]
    if not len(rank):
        return np.full(ranks, np.nan)
    counts = np.bincount(np.clip(rank, 0, ranks + 1), minlength=ranks + 2)[1 : ranks + 1]
    share: Scores = np.cumsum(counts) / len(rank)
    return share


def false_negative_rate_at(
    searches: Searches, fpir: float, margin: float = 0.0, *, rounds: int = ROUNDS, level: float = LEVEL
) -> Point:
    """Measure FNIR at the least threshold that keeps FPIR at or below ``fpir``.

    The interval resamples people, enrolled and strangers, and finds the threshold again each time; the gallery stays.

    Raises:
        ValueError: there are no mated or no non-mated searches.
    """
    right, wrong = searches.right(margin), searches.wrong(margin)
    if not len(right):
        raise ValueError("There is no search of anybody who is enrolled.")
    threshold = threshold_at(wrong, fpir)
    value = float(np.mean(right < threshold))
    codes = np.unique(searches.person, return_inverse=True)[1].astype(np.int64)
    fnir = bootstrap(
        value, _resampled(right, codes[searches.mated], wrong, codes[~searches.mated], fpir),
        int(codes.max()) + 1, trials=len(right), independent=len(np.unique(codes[searches.mated])), rounds=rounds,
        level=level,
    )  # fmt: skip
    return Point(fpir, threshold, fnir, fpir * len(wrong) >= 10.0)


def _resampled(
    right: Scores, mates: NDArray[np.int64], wrong: Scores, strangers: NDArray[np.int64], fpir: float
) -> Replicate:
    falling = np.argsort(-wrong, kind="stable")
    rising = np.argsort(right, kind="stable")
    levels, people, mates = wrong[falling], strangers[falling], mates[rising]
    ascending = right[rising]

    def replicate(weights: Scores) -> Scores:
        total = np.cumsum(weights[:, people], axis=1)
        blocking = np.argmax(total > fpir * total[:, -1:] + 1e-9, axis=1)
        missed = np.cumsum(weights[:, mates], axis=1)
        begin = np.searchsorted(ascending, levels[blocking], side="right")
        padded = np.append(np.zeros((len(missed), 1)), missed, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares: Scores = padded[np.arange(len(missed)), begin] / missed[:, -1]
        return np.where(total[:, -1] > 0, shares, np.nan)

    return replicate


def _apart(best: Scores, second: Scores, margin: float) -> NDArray[np.bool_]:
    apart: NDArray[np.bool_] = np.isfinite(best) & ((second == -np.inf) | (best - np.maximum(second, -1.0) >= margin))
    return apart


def _searched(
    gallery: NDArray[np.float32], begins: NDArray[np.int64], probes: NDArray[np.float32], columns: NDArray[np.int64]
) -> tuple[Scores, Scores, Scores, NDArray[np.int64]]:
    cosines = np.clip((probes @ gallery.T).astype(np.float64), -1.0, 1.0)
    best = np.maximum.reduceat(cosines, begins, axis=1)
    best[np.isnan(best)] = -np.inf
    rows, known = np.arange(len(probes)), columns != NOBODY
    mate = np.where(known, best[rows, columns], -np.inf)
    rank = np.where(known & np.isfinite(mate), np.count_nonzero(best >= mate[:, None], axis=1), 0)
    best[rows[known], columns[known]] = -np.inf
    if best.shape[1] > 1:
        two = np.partition(best, best.shape[1] - 2, axis=1)[:, -2:]
        return mate, two[:, 1], two[:, 0], rank
    return mate, best[:, 0], np.full(len(probes), -np.inf), rank
