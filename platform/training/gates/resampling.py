"""How sure a difference between two models is, when both scored the same rows.

Each figure is a mean of influences of the rows, to first order, so that its bootstrap needs no figure to be computed
again: a resample weighs the influences (the score bootstrap: Kline and Santos, Journal of Econometric Methods 1(1),
2012). Weights are drawn from Poisson(1) for each viewer, whose rows are alike and go together; rows without a viewer
are resampled one by one (Oza and Russell, "Online bagging and boosting", 2001; Chamandy et al., "Estimating uncertainty
for massive data streams", 2012). All figures and both models get the same weights, so what makes rows hard for both
cancels out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

MOST_RESAMPLES, FEWEST_RESAMPLES, WORK = 200, 40, 20_000_000
"""Resamples times clusters stay below ``WORK`` as far as the fewest resamples allow."""
AT_ONCE = 2_000_000
"""Weights held in memory at once."""
LEVEL = 0.95
TINY = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A challenger's figure less the champion's.

    Attributes:
        influences: what each row contributes to its error, shape (rows,); they sum to 0.
    """

    value: float
    influences: Floats


@dataclass(frozen=True, slots=True)
class Difference:
    """A challenger's figure less the champion's.

    Attributes:
        value: on the rows as they are.
        error: standard error, by bootstrap.
    """

    value: float
    error: float

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the two-sided normal interval around the value."""
        reach = NormalDist().inv_cdf(0.5 + level / 2) * self.error
        return self.value - reach, self.value + reach


def differences(figures: Sequence[Figure], clusters: Ints, seed: int) -> list[Difference]:
    """Return figures with their standard errors, all from the same resamples.

    Args:
        clusters: whose each row is, -1 for nobody's; shape (rows,).
    """
    if not figures:
        return []
    whose = clusters_of(clusters)
    count = int(whose.max()) + 1
    sums = np.stack([np.bincount(whose, weights=one.influences, minlength=count) for one in figures], axis=1)
    drawn = np.concatenate([weights @ sums for weights in resamples(count, seed)])
    errors = drawn.std(axis=0, ddof=1)
    return [Difference(one.value, float(error)) for one, error in zip(figures, errors, strict=True)]


def log_loss_figure(labels: Floats, challenger: Floats, champion: Floats, rows: NDArray[np.bool_]) -> Figure:
    """Return how much more log loss the challenger has on some rows, in nats per row.

    Args:
        rows: which; at least one, shape (rows,).
    """
    losses = row_losses(labels, challenger) - row_losses(labels, champion)
    value = float(losses[rows].mean())
    return Figure(value, np.where(rows, losses - value, 0.0) / rows.sum())


def auc_figure(labels: Floats, challenger: Floats, champion: Floats, rows: NDArray[np.bool_]) -> Figure | None:
    """Return how much more AUC the challenger has on some rows; None when they hold one class only.

    Influences are the placement values of DeLong, DeLong and Clarke-Pearson, Biometrics 44(3), 1988, by midranks (Sun
    and Xu, IEEE Signal Processing Letters 21(11), 2014).
    """
    if not 0 < labels[rows].sum() < rows.sum():
        return None
    (one, own), (other, theirs) = (_auc(labels[rows], scores[rows]) for scores in (challenger, champion))
    influences = np.zeros(len(labels))
    influences[rows] = own - theirs
    return Figure(one - other, influences)


def gauc_figure(labels: Floats, challenger: Floats, champion: Floats, groups: Ints) -> Figure | None:
    """Return how much more AUC within viewers the challenger has; None when no viewer's rows hold both classes."""
    firsts, sizes, gains = [], [], []
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] >= 0]
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        if len(rows) and 0 < labels[rows].sum() < len(rows):
            aucs = [_auc(labels[rows], scores[rows])[0] for scores in (challenger, champion)]
            firsts.append(rows[0])
            sizes.append(float(len(rows)))
            gains.append(aucs[0] - aucs[1])
    if not sizes:
        return None
    weights, gain = np.array(sizes) / sum(sizes), np.array(gains)
    value = float(weights @ gain)
    influences = np.zeros(len(labels))
    influences[np.array(firsts)] = weights * (gain - value)  # a viewer's rows go together, so one may stand for all
    return Figure(value, influences)


def row_losses(labels: Floats, scores: Floats) -> Floats:
    """Return the negative log-likelihood of each label, in nats; scores are kept 1e-7 away from 0 and 1."""
    safe = np.clip(scores, TINY, 1 - TINY)
    losses: Floats = -np.where(labels == 1, np.log(safe), np.log1p(-safe))
    return losses


def resamples(count: int, seed: int) -> Iterator[Floats]:
    """Yield weights of the clusters, shape (some resamples, clusters): 200 resamples in all, or fewer of very many."""
    random = np.random.default_rng(seed)
    left = int(np.clip(WORK // max(count, 1), FEWEST_RESAMPLES, MOST_RESAMPLES))
    while left > 0:
        some = min(left, max(AT_ONCE // max(count, 1), 1))
        yield random.poisson(1.0, (some, count)).astype(np.float64)
        left -= some


def clusters_of(clusters: Ints) -> Ints:
    """Number the clusters from 0 on, each row of nobody a cluster of its own."""
    alone = clusters < 0
    _, numbers = np.unique(clusters[~alone], return_inverse=True)
    made = np.empty(len(clusters), dtype=np.intp)
    made[~alone] = numbers
    made[alone] = np.arange(int(alone.sum())) + (int(numbers.max()) + 1 if len(numbers) else 0)
    return made


def _auc(labels: Floats, scores: Floats) -> tuple[float, Floats]:
    """Return the AUC, ties counting half, and the influence of each row on it; both classes occur."""
    positive = labels == 1
    positives, negatives = int(positive.sum()), int((~positive).sum())
    ranks = _midranks(scores)
    placed = np.empty(len(labels))
    placed[positive] = (ranks[positive] - _midranks(scores[positive])) / negatives
    placed[~positive] = 1 - (ranks[~positive] - _midranks(scores[~positive])) / positives
    value = float(placed[positive].mean())
    return value, (placed - value) / np.where(positive, positives, negatives)


def _midranks(values: Floats) -> Floats:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    ends = np.append(starts[1:], len(values))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat((starts + ends + 1) / 2, ends - starts)
    return ranks
