"""How well embeddings tell people apart that the network never saw."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceid.evaluate import identification, verification
from faceid.evaluate.verification import Comparisons


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Figures of people who were held out.

    Attributes:
        people, pictures: how many.
        equal_error_rate: verification over all pairs, 0 to 1.
        true_accept_rate: verification at a false accept rate of 1 %, 0 to 1.
        rank_one: closed-set identification with one picture of each enrolled, 0 to 1.
        separation: mean cosine of one person's pictures minus that of two people's.
    """

    people: int
    pictures: int
    equal_error_rate: float
    true_accept_rate: float
    rank_one: float
    separation: float

    @property
    def order(self) -> tuple[float, float]:
        """Sorts better figures first."""
        return self.equal_error_rate, -self.separation

    def figures(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


def measured(embeddings: NDArray[np.float32], labels: NDArray[np.int64]) -> HeldOut:
    """Compare every picture with every other.

    Args:
        embeddings: unit vectors, float32, shape (n, dimension).
        labels: who each shows, int64, shape (n,); somebody has two pictures.
    """
    first, second = np.triu_indices(len(labels), k=1)
    scores = (embeddings @ embeddings.T)[first, second].astype(np.float64)
    same = labels[first] == labels[second]
    comparisons = Comparisons(scores, same, labels[first], labels[second], np.zeros(len(scores), dtype=np.int64))
    threshold = verification.threshold_at(comparisons.impostor, 0.01)
    return HeldOut(
        people=len(np.unique(labels)),
        pictures=len(labels),
        equal_error_rate=_equal_error_rate(comparisons),
        true_accept_rate=float((comparisons.genuine >= threshold).mean()),
        rank_one=_rank_one(embeddings, labels),
        separation=float(comparisons.genuine.mean() - comparisons.impostor.mean()),
    )


def _equal_error_rate(comparisons: Comparisons) -> float:
    curve = verification.curve(comparisons.genuine, comparisons.impostor)
    place = int(np.argmin(np.abs(curve.fmr - curve.fnmr)))
    return float((curve.fmr[place] + curve.fnmr[place]) / 2)


def _rank_one(embeddings: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    _, enrolled = np.unique(labels, return_index=True)
    probes = np.setdiff1d(np.arange(len(labels)), enrolled)
    searches = identification.search(embeddings[enrolled], labels[enrolled], embeddings[probes], labels[probes])
    return float(identification.cumulative_match(searches, 1)[0])
