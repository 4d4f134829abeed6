"""How sure a difference between two models is, when both scored the same rows.

Poisson bootstrap: each resample gives each viewer a weight drawn from Poisson(1), and their rows with them, since rows
of one viewer are alike (Oza and Russell, "Online bagging and boosting", 2001; Chamandy et al., "Estimating uncertainty
for massive data streams", 2012). Rows without a viewer are resampled one by one. Both models get the same weights, so
what makes rows hard for both cancels out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

MOST_RESAMPLES, FEWEST_RESAMPLES, WORK = 200, 40, 20_000_000
"""Resamples times rows stay below ``WORK`` as far as the fewest resamples allow."""
LEVEL = 0.95
TINY = 1e-7


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


@dataclass(frozen=True, slots=True)
class Order:
    """A model's rows in the order of its scores, so that weighted AUCs need no sorting.

    Attributes:
        rows: positions, lowest score first.
        starts: where each group of equal scores begins.
    """

    rows: Ints
    starts: Ints

    @classmethod
    def of(cls, scores: Floats) -> "Order":
        """Sort the rows of a model."""
        rows = np.argsort(scores, kind="stable")
        ordered = scores[rows]
        return cls(rows, np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])))

    def auc(self, labels: Floats, weights: Floats) -> float:
        """Return the AUC of weighted rows, ties counting half; NaN when a class has no weight."""
        positives = np.add.reduceat((weights * labels)[self.rows], self.starts)
        negatives = np.add.reduceat((weights * (1 - labels))[self.rows], self.starts)
        pairs = positives.sum() * negatives.sum()
        if pairs == 0:
            return float("nan")
        return float((positives * (np.cumsum(negatives) - negatives / 2)).sum() / pairs)


def row_losses(labels: Floats, scores: Floats) -> Floats:
    """Return the negative log-likelihood of each label, in nats; scores are kept 1e-7 away from 0 and 1."""
    safe = np.clip(scores, TINY, 1 - TINY)
    losses: Floats = -np.where(labels == 1, np.log(safe), np.log1p(-safe))
    return losses


def resamples(clusters: Ints, seed: int) -> Iterator[Floats]:
    """Yield weights of the rows, shape (rows,), one array for each resample.

    Args:
        clusters: whose each row is, -1 for nobody's; shape (rows,).
    """
    random, whose = np.random.default_rng(seed), clusters_of(clusters)
    count = int(np.clip(WORK // max(len(clusters), 1), FEWEST_RESAMPLES, MOST_RESAMPLES))
    for _ in range(count):
        yield random.poisson(1.0, int(whose.max()) + 1).astype(np.float64)[whose]


def clusters_of(clusters: Ints) -> Ints:
    """Number the clusters from 0 on, each row of nobody a cluster of its own."""
    alone = clusters < 0
    _, numbers = np.unique(clusters[~alone], return_inverse=True)
    made = np.empty(len(clusters), dtype=np.intp)
    made[~alone] = numbers
    made[alone] = np.arange(int(alone.sum())) + (int(numbers.max()) + 1 if len(numbers) else 0)
    return made


def log_loss_difference(labels: Floats, challenger: Floats, champion: Floats, clusters: Ints, seed: int) -> Difference:
    """Return how much more log loss the challenger has, in nats per row."""
    losses = row_losses(labels, challenger) - row_losses(labels, champion)
    drawn = [float(weights @ losses / total) for weights in resamples(clusters, seed) if (total := weights.sum())]
    return Difference(float(losses.mean()), _spread(drawn))


def auc_difference(
    labels: Floats, challenger: Floats, champion: Floats, clusters: Ints, seed: int
) -> Difference | None:
    """Return how much more AUC the challenger has; None when the rows hold one class only."""
    orders = (Order.of(challenger), Order.of(champion))
    whole = np.ones(len(labels))
    if not 0 < labels.sum() < len(labels):
        return None
    values = [order.auc(labels, whole) for order in orders]
    drawn = [orders[0].auc(labels, weights) - orders[1].auc(labels, weights) for weights in resamples(clusters, seed)]
    return Difference(values[0] - values[1], _spread(drawn))


def gauc_difference(labels: Floats, challenger: Floats, champion: Floats, groups: Ints, seed: int) -> Difference | None:
    """Return how much more AUC within viewers the challenger has; None when no viewer's rows hold both classes."""
    sizes, gains = [], []
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] >= 0]
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        if len(rows) and 0 < labels[rows].sum() < len(rows):
            ones = np.ones(len(rows))
            aucs = [Order.of(scores[rows]).auc(labels[rows], ones) for scores in (challenger, champion)]
            sizes.append(float(len(rows)))
            gains.append(aucs[0] - aucs[1])
    if not sizes:
        return None
    weight, gain = np.array(sizes), np.array(gains)
    viewers = np.arange(len(weight), dtype=np.intp)
    drawn = [
        float((weights * weight) @ gain / total)
        for weights in resamples(viewers, seed)
        if (total := float(weights @ weight))
    ]
    return Difference(float(weight @ gain / weight.sum()), _spread(drawn))


def _spread(drawn: list[float]) -> float:
    finite = np.array([value for value in drawn if np.isfinite(value)])
    return float(finite.std(ddof=1)) if len(finite) > 1 else 0.0
