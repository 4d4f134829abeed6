"""A linear model from what a user liked to what else they would like, in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.benchmark.models.interactions import likes
from recsys.benchmark.models.model import ProfileModel, Say, Scores, validation_quality
from recsys.benchmark.prepared import Prepared, Rows

PENALTIES = (30.0, 100.0, 300.0, 1000.0)
MOST_ITEMS = 6_000
"""The inverse is dense; of larger catalogues only the most liked items are looked at, all others score 0."""


class Ease(ProfileModel):
    """EASE; the penalty is chosen on the validation part."""

    def __init__(self) -> None:
        self.weights: NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)
        self.places: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def fit(self, data: Prepared, *, seed: int, say: Say) -> int:
        """Invert the matrix of joint likes for every penalty."""
        del seed
        matrix = likes(data)
        often = np.sort(np.argsort(-np.asarray(matrix.sum(axis=0)).ravel(), kind="stable")[:MOST_ITEMS])
        if len(often) < data.items:
            say(f"looks at the {len(often)} most liked of {data.items} items")
        self.places = np.full(data.items, -1, dtype=np.int64)
        self.places[often] = np.arange(len(often))
        gram = np.asarray((matrix[:, often].T @ matrix[:, often]).todense(), dtype=np.float32)
        best: tuple[float, NDArray[np.float32]] | None = None
        for penalty in PENALTIES:
            self.weights = ease_weights(gram, penalty)
            quality = validation_quality(self, data)
            say(f"penalty {penalty:g}: validation AUC {quality:.4f}")
            if best is None or quality > best[0]:
                best = quality, self.weights
        assert best is not None
        self.weights = best[1]
        return 1

    def score(self, data: Prepared, rows: Rows) -> Scores:
        """Add up the weights from each item that the user liked before to the item."""
        scores = np.zeros(len(rows))
        target = np.where(rows.item >= 0, self.places[rows.item], -1)
        for chunk, owner, liked in data.pairs(rows):
            source, aim = self.places[liked], target[chunk][owner]
            weights = np.where((source >= 0) & (aim >= 0), self.weights[source, aim], 0.0)
            scores[chunk] = np.bincount(owner, weights=weights, minlength=chunk.stop - chunk.start)
        return scores


def ease_weights(gram: NDArray[np.float32], penalty: float) -> NDArray[np.float32]:
    """Solve for the weights between items, with none from an item to itself.

    Args:
        gram: how many users liked both of two items, shape (items, items).
        penalty: L2 penalty, above 0.

    Returns:
        B of shape (items, items): row j, column k is what a like of j says about k; diagonal 0.

    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, eq. 8: with P the inverse of
    (gram + penalty I), B = I - P diag(1 / diag P).
    """
    inverse = np.linalg.inv(gram + np.float32(penalty) * np.eye(len(gram), dtype=gram.dtype))
    weights: NDArray[np.float32] = (-inverse / np.diag(inverse)[None, :]).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return weights
