"""How much two rankers agree about the order of the same candidates."""

import numpy as np
from numpy.typing import NDArray


def rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Return Spearman's rank correlation, -1 to 1, ties sharing their mean rank; None when one of them ties all.

    Spearman, American Journal of Psychology 15(1), 1904: Pearson's correlation of the ranks.

    Args:
        one, other: scores of the same candidates, shape (candidates,), two or more.
    """
    first, second = _centred_ranks(one), _centred_ranks(other)
    size = float(np.sqrt((first @ first) * (second @ second)))
    return None if size == 0 else float(np.clip(first @ second / size, -1.0, 1.0))


def _centred_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    centred: NDArray[np.float64] = ranks - ranks.mean()
    return centred
