"""How well a feature tells a cohort apart: a report about stand-ins for what nobody may be sorted by.

The cohort is one the operator declares and hands over for this one check; nothing here guesses an attribute of anybody.
Every figure is of rows that the figure's own estimates have not seen, and where rows belong to people, of people they
have not seen, so that a feature of many values looks no stronger than it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.columns import WordLists, Words

FOLDS = 5
PRIOR = 10.0
"""Rows by which the rate of a value is drawn to the overall rate."""
BINS = 20
WARNING = 0.65
"""Area under the curve from which on a feature is reported as a stand-in."""
LEAST = 100
"""Rows without which nothing is reported."""

Codes = NDArray[np.int64]


class ProxiesRefused(ValueError):
    """Nothing can be reported about these rows."""

    code = "proxies_refused"


@dataclass(frozen=True, slots=True)
class Strength:
    """How well one feature tells one cohort apart from the rest.

    Attributes:
        cohort: the cohort it tells best.
        auc: area under the receiver operating curve, averaged over folds: 0.5 tells nothing, 1 everything.
        information: of the cohort's entropy the share that the feature gives away, 0 to 1 (Theil's uncertainty
            coefficient), over all cohorts together; a lower bound, since it is measured by forecasts.
    """

    feature: str
    cohort: str
    auc: float
    information: float

    def warns(self, threshold: float = WARNING) -> bool:
        """Return whether the feature stands in for the cohort."""
        return self.auc >= threshold


def strength(feature: str, values: WordLists, cohort: Words, people: Codes | None = None) -> Strength:
    """Measure how well one feature tells cohorts apart.

    A row's forecast for a cohort is the mean rate, over the values in the row, of that cohort among the other folds'
    rows with the value.

    Args:
        values: of each row; one word a row for a single feature, several for a history, none where it is absent.
        cohort: of each row, none absent.
        people: to whom each row belongs, shape (rows,); None when each row is somebody of their own.

    Raises:
        ProxiesRefused: there are fewer than a hundred rows, or fewer than two cohorts of at least two people.
    """
    codes = cohort.codes.astype(np.int64)
    classes = len(cohort.vocabulary)
    _check(codes, classes)
    folds = _folds(np.arange(len(codes)) if people is None else people)
    forecasts = np.empty((len(codes), classes))
    for fold in range(FOLDS):
        forecasts[folds == fold] = _forecast(values, codes, classes, folds, fold)
    areas = {name: _area(forecasts[:, place], codes == place, folds) for place, name in enumerate(cohort.vocabulary)}
    best = max(areas, key=lambda name: areas[name])
    return Strength(feature, best, areas[best], _information(forecasts, codes, classes, folds))


def in_bins(numbers: NDArray[np.floating]) -> WordLists:
    """Turn numbers into words by twenty quantiles; a number that is none is absent. Shape (rows,)."""
    known = np.isfinite(numbers)
    edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, BINS + 1)[1:-1])) if known.any() else np.empty(0)
    places = np.searchsorted(edges, numbers, side="right")
    return singly([f"bin {place}" if there else None for place, there in zip(places, known, strict=True)])


def singly(words: Sequence[str | None]) -> WordLists:
    """Turn a column of single words into one of lists."""
    return WordLists.of([[] if word is None else [word] for word in words])


def _check(codes: Codes, classes: int) -> None:
    if (codes < 0).any():
        raise ProxiesRefused("some rows name no cohort; leave those rows out")
    if len(codes) < LEAST:
        raise ProxiesRefused(f"{len(codes)} rows name a cohort; at least {LEAST} are needed to tell chance from more")
    if classes < 2 or np.bincount(codes, minlength=classes).min() < FOLDS:
        raise ProxiesRefused(f"at least two cohorts of {FOLDS} rows each are needed, found {classes}")


def _folds(people: Codes) -> Codes:
    """Put each person's rows into one fold, the same each time; shape (rows,)."""
    _, owner = np.unique(people, return_inverse=True)
    order = np.random.default_rng(0).permutation(int(owner.max()) + 1)
    folds: Codes = order[owner] % FOLDS
    return folds


def _forecast(values: WordLists, codes: Codes, classes: int, folds: Codes, fold: int) -> NDArray[np.float64]:
    """Forecast the cohorts of one fold's rows from all others; shape (rows of the fold, classes), rows sum to 1."""
    lengths = np.diff(values.offsets)
    row_of = np.repeat(np.arange(len(codes)), lengths)
    seen, count = folds[row_of] != fold, len(values.words.vocabulary)
    prior = np.bincount(codes[folds != fold], minlength=classes) / (folds != fold).sum()
    counts = np.zeros((count, classes))
    np.add.at(counts, (values.words.codes[seen], codes[row_of[seen]]), 1.0)
    rates = (counts + PRIOR * prior) / (counts.sum(axis=1, keepdims=True) + PRIOR)
    sums = np.zeros((len(codes), classes))
    np.add.at(sums, row_of[~seen], rates[values.words.codes[~seen]])
    absent = lengths == 0
    sums[absent], divisor = prior, np.maximum(lengths, 1)
    forecast: NDArray[np.float64] = (sums / divisor[:, None])[folds == fold]
    return forecast


def _area(scores: NDArray[np.float64], members: NDArray[np.bool_], folds: Codes) -> float:
    """Average the area under the curve over the folds that hold members and others."""
    areas = []
    for fold in range(FOLDS):
        inside = folds == fold
        positive, negative = scores[inside & members], scores[inside & ~members]
        if len(positive) and len(negative):
            below = np.searchsorted(np.sort(negative), positive, side="left")
            upto = np.searchsorted(np.sort(negative), positive, side="right")
            areas.append(float((below + upto).sum() / (2 * len(positive) * len(negative))))
    return float(np.mean(areas)) if areas else 0.5


def _information(forecasts: NDArray[np.float64], codes: Codes, classes: int, folds: Codes) -> float:
    """Return by how much the forecasts beat the cohorts' rates, as a share of what there is to know; 0 to 1."""
    told = forecasts[np.arange(len(codes)), codes]
    rates = np.empty(len(codes))
    for fold in range(FOLDS):
        prior = np.bincount(codes[folds != fold], minlength=classes) / (folds != fold).sum()
        rates[folds == fold] = prior[codes[folds == fold]]
    entropy = -float(np.log(np.maximum(rates, 1e-12)).mean())
    gained = entropy + float(np.log(np.maximum(told, 1e-12)).mean())
    return min(max(gained / entropy, 0.0), 1.0) if entropy > 0 else 0.0
