"""How sure a figure is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.training.metrics import auc

LEVEL = 0.95
RESAMPLES = 500
SEED = 2026


class Interval(NamedTuple):
    """From ``low`` to ``high`` at 95 %."""

    low: float
    high: float


def over_seeds(values: Sequence[float]) -> Interval | None:
    """Give Student's interval of the mean over seeds; None for fewer than two."""
    if len(values) < 2:
        return None
    from scipy.stats import t

    centre = float(np.mean(values))
    half = float(t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Interval(centre - half, centre + half)


def auc_difference(
    labels: NDArray[np.float32],
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    users: NDArray[np.int64],
    resamples: int = RESAMPLES,
) -> Interval | None:
    """Bootstrap the difference of two AUCs on the same rows over users, since a user's rows are not independent.

    Args:
        users: codes, shape (rows,); rows without a user (negative) count by themselves.

    Returns:
        The percentile interval; None where no resample held both labels.
    """
    owners = np.where(users >= 0, users, users.max() + 1 + np.arange(len(users)))
    order = np.argsort(owners, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(owners[order])) + 1)
    random = np.random.default_rng(SEED)
    found = []
    for _ in range(resamples):
        rows = np.concatenate([groups[group] for group in random.integers(0, len(groups), len(groups))])
        first, second = auc(labels[rows], ours[rows]), auc(labels[rows], theirs[rows])
        if first is not None and second is not None:
            found.append(first - second)
    if not found:
        return None
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))
