"""Users and items as vectors: matrix factorisation of implicit feedback."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.benchmark.models.interactions import likes
from recsys.benchmark.models.model import ProfileModel, Say, Scores, validation_quality
from recsys.benchmark.prepared import Prepared, Rows

WIDTHS = (16, 64)
CONFIDENCES = (5.0, 20.0)
PENALTY = 0.1
ITERATIONS = 15


class Factors(ProfileModel):
    """Alternating least squares of the library `implicit`; width and confidence are chosen on the validation part.

    Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008.
    """

    seeded = True

    def __init__(self) -> None:
        self.vectors: NDArray[np.float64] = np.zeros((0, 0))
        self.confidence = 1.0

    def fit(self, data: Prepared, *, seed: int, say: Say) -> int:
        """Factorise the likes of the train part."""
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        matrix = likes(data)
        best: tuple[float, NDArray[np.float64], float] | None = None
        for width in WIDTHS:
            for confidence in CONFIDENCES:
                with threadpool_limits(1, "blas"):  # the library spreads its own work and warns of others that do
                    model = AlternatingLeastSquares(
                        factors=width,
                        regularization=PENALTY,
                        alpha=confidence,
                        iterations=ITERATIONS,
                        num_threads=1,
                        random_state=seed,
                    )
                    model.fit(matrix, show_progress=False)
                self.vectors, self.confidence = model.item_factors.astype(np.float64), confidence
                quality = validation_quality(self, data)
                say(f"{width} factors, confidence {confidence:g}: validation AUC {quality:.4f}")
                if best is None or quality > best[0]:
                    best = quality, self.vectors, confidence
        assert best is not None
        _, self.vectors, self.confidence = best
        return ITERATIONS

    def score(self, data: Prepared, rows: Rows) -> Scores:
        """Multiply the item's vector by that of the user, folded in from what they liked before."""
        moments = np.stack([rows.start, rows.stop], axis=1)
        profiles, of_row = np.unique(moments, axis=0, return_inverse=True)
        gram = self.vectors.T @ self.vectors
        users = np.stack(
            [fold_in(self.vectors[data.profile[start:stop]], gram, self.confidence) for start, stop in profiles]
        )
        found: Scores = (users[of_row.reshape(-1)] * self.vectors[rows.item]).sum(axis=1)
        return found


def fold_in(liked: NDArray[np.float64], gram: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Solve for the vector of a user who liked some items; shape (factors,).

    Args:
        liked: vectors of those items, shape (likes, factors).
        gram: Y'Y over all items' vectors, shape (factors, factors).

    Hu, Koren and Volinsky, ICDM 2008, eq. 4.
    """
    left = gram + (confidence - 1) * liked.T @ liked + PENALTY * np.eye(len(gram))
    solved: NDArray[np.float64] = np.linalg.solve(left, confidence * liked.sum(axis=0))
    return solved
