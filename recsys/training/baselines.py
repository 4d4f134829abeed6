"""What needs no network: the figures every model must beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.shares import smoothed
from recsys.training.dataset import Examples


def base_rate(train: Examples, test: Examples) -> NDArray[np.float64]:
    """Give every row the positive rate of the train part; shape (rows of test,)."""
    return np.full(len(test), train.labels.mean(), dtype=np.float64)


def item_rate(train: Examples, test: Examples) -> NDArray[np.float64]:
    """Give every row the rate of its creative, drawn to the base rate by twenty rows; shape (rows of test,)."""
    rate = float(train.labels.mean())
    rows = np.bincount(train.creative.codes, minlength=len(train.creative.vocabulary))
    positives = np.bincount(train.creative.codes, weights=train.labels, minlength=len(rows))
    return smoothed(positives, rows, rate)[test.creative.codes]
