"""Where a model places creatives, and whether those on screen now lie elsewhere than those it learnt from.

What a model has learnt about a creative shows in how it scores it for different situations: the log-odds for a fixed
panel of places and hours are the creative's embedding. It needs no access to the network's tables, so
it is the same for every kind of model, and creatives the model treats alike lie close to each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import Context, Item, Viewer, encode_items
from recsys.serving.protocol import RankerProtocol

PANEL = 8
"""Situations, and with them dimensions."""
MODERATE, MAJOR = 0.25, 1.0
"""Bounds of `distance`: ours, from simulated shifts; two samples of one distribution with 500 rows stay below 0.05."""
TINY = 1e-6
LEAST_SPREAD = 0.01
"""Squared log-odds: a model that finds all creatives alike has no distances worth telling."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where rows lie: mean, shape (dimensions,), and covariance, shape (dimensions, dimensions)."""

    mean: Floats
    covariance: Floats

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"mean": self.mean.tolist(), "covariance": self.covariance.tolist()}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Cloud":
        """Read what `document` returned."""
        return cls(np.array(document["mean"], dtype=np.float64), np.array(document["covariance"], dtype=np.float64))


def embed(ranker: RankerProtocol, panel: Sequence[Context], items: Sequence[Item]) -> Floats:
    """Return where a model places creatives: float64, shape (items, situations of the panel)."""
    candidates = encode_items(items)
    rows = [ranker.rank(context, [Viewer()], candidates)[0].astype(np.float64) for context in panel]
    safe = np.clip(np.stack(rows, axis=1), TINY, 1 - TINY)
    odds: Floats = np.log(safe / (1 - safe))
    return odds


def cloud(points: Floats, weights: Floats) -> Cloud:
    """Return mean and covariance of weighted points.

    Args:
        points: shape (items, dimensions).
        weights: how often each is there, shape (items,), not all 0.
    """
    shares = weights / weights.sum()
    mean = shares @ points
    centred = points - mean
    return Cloud(mean, (centred * shares[:, None]).T @ centred)


def distance(reference: Cloud, live: Cloud) -> float:
    """Return how far apart two clouds are, in units of the reference's own spread: 0 for the same.

    The squared Fréchet distance of two normal distributions (Dowson and Landau, Journal of Multivariate Analysis 12(3),
    1982), divided by the trace of the reference's covariance.
    """
    spread = max(float(np.trace(reference.covariance)), LEAST_SPREAD)
    root = _root(reference.covariance)
    cross = np.linalg.eigvalsh(root @ live.covariance @ root).clip(0)
    apart = float(((reference.mean - live.mean) ** 2).sum())
    apart += float(np.trace(reference.covariance) + np.trace(live.covariance) - 2 * np.sqrt(cross).sum())
    return max(apart, 0.0) / spread


def _root(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    rooted: Floats = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return rooted
