"""How good a model is across venues, from counts alone: no venue's rows, scores or people are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 1_024
SMALLEST = 1e-7


@dataclass(frozen=True, slots=True)
class Curve:
    """Counts of scores in bins of equal width.

    Attributes:
        negatives, positives: int64, shape (1024,).
        loss: sum of the rows' log losses, nats.
    """

    negatives: NDArray[np.int64]
    positives: NDArray[np.int64]
    loss: float

    @classmethod
    def of(cls, labels: NDArray[np.float32], scores: NDArray[np.float32]) -> Curve:
        """Count scores; labels are 0 or 1, scores probabilities, both of shape (rows,)."""
        safe = np.clip(scores.astype(np.float64), SMALLEST, 1 - SMALLEST)
        bins = np.minimum((safe * BINS).astype(np.int64), BINS - 1)
        loss = -np.where(labels == 1, np.log(safe), np.log1p(-safe)).sum()
        counts = [np.bincount(bins[labels == kind], minlength=BINS) for kind in (0, 1)]
        return cls(counts[0].astype(np.int64), counts[1].astype(np.int64), float(loss))

    @classmethod
    def join(cls, curves: Sequence[Curve]) -> Curve:
        """Add the counts of several venues."""
        return cls(
            np.sum([curve.negatives for curve in curves], axis=0, dtype=np.int64),
            np.sum([curve.positives for curve in curves], axis=0, dtype=np.int64),
            sum(curve.loss for curve in curves),
        )

    @classmethod
    def read(cls, content: bytes, loss: float) -> Curve:
        """Read what `write` wrote.

        Raises:
            ValueError: these are no counts.
        """
        counts = np.frombuffer(content, dtype="<i8").reshape(2, BINS)
        if (counts < 0).any():
            raise ValueError("counts must not be negative")
        return cls(counts[0].astype(np.int64), counts[1].astype(np.int64), loss)

    def write(self) -> bytes:
        """Write the counts, first those of negatives; the loss goes separately."""
        return np.stack([self.negatives, self.positives]).astype("<i8").tobytes()

    @property
    def rows(self) -> int:
        """How many scores were counted."""
        return int(self.negatives.sum() + self.positives.sum())

    @property
    def log_loss(self) -> float | None:
        """Mean log loss, nats; None without rows."""
        return self.loss / self.rows if self.rows else None

    @property
    def auc(self) -> float | None:
        """Area under the curve, scores of one bin counting as equal; None with one kind of label."""
        pairs = float(self.negatives.sum()) * float(self.positives.sum())
        if not pairs:
            return None
        below = np.cumsum(self.negatives) - self.negatives
        return float((self.positives * (below + self.negatives / 2)).sum() / pairs)
