"""How much items are liked, whoever asks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.benchmark.models.model import Model, Say, Scores
from recsys.benchmark.prepared import Prepared, Rows
from recsys.shares import smoothed


class ItemModel(Model):
    """A model that knows items by their train part and nothing else."""

    def unfit(self, data: Prepared) -> str | None:
        """Refuse logs without items."""
        return "the log names no items" if (data.train.item < 0).all() else None


class Popularity(ItemModel):
    """How often an item was liked in the train part."""

    def __init__(self) -> None:
        self.likes: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def fit(self, data: Prepared, *, seed: int, say: Say) -> int:
        """Count."""
        del seed, say
        liked = data.train.item[data.train.labels == 1] + 1
        self.likes = np.bincount(liked, minlength=data.items + 1).astype(np.int64)
        return 1

    def score(self, data: Prepared, rows: Rows) -> Scores:
        """Give the logarithm of one and the count."""
        del data
        return np.log1p(self.likes[rows.item + 1], dtype=np.float64)


class ItemRate(ItemModel):
    """The share of likes among an item's rows in the train part, drawn to the base rate by twenty rows."""

    def __init__(self) -> None:
        self.rates = np.zeros(0)

    def fit(self, data: Prepared, *, seed: int, say: Say) -> int:
        """Count."""
        del seed, say
        item, labels = data.train.item + 1, data.train.labels
        rows = np.bincount(item, minlength=data.items + 1)
        likes = np.bincount(item, weights=labels, minlength=data.items + 1)
        self.rates = smoothed(likes, rows, float(labels.mean()))
        return 1

    def score(self, data: Prepared, rows: Rows) -> Scores:
        """Give the rate."""
        del data
        found: Scores = self.rates[rows.item + 1]
        return found
