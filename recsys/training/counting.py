"""What counting says of a creative by itself: how often it was shown and engaged with in the train part.

A network knows which creative it is, and learns how those fare that were met often. What all those have in common that
nobody has engaged with so far, or that nobody has met at all, it cannot see: to it they are so many different ids, and
what it learns of each is what happened in the few rows that make the count. So a few functions of the counts stand
beside the network's log-odds, each for every creative, weighed on the validation part as item-item weights are, with
any sign: `recsys.training.items`. What does not help there is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from recsys.shares import smoothed
from recsys.training.dataset import Examples
from recsys.training.networks.related import ITEM
from recsys.training.reading import LogFile, labels, words

Column = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each creative was met in the train part.

    Attributes:
        shown, engaged: rows, and those with an engagement, by id; float64, shape (ids,). An id that no row has, such as
            a hash that nothing came to so far, has 0 of both.
    """

    shown: Column
    engaged: Column

    @classmethod
    def of(cls, train: Examples, size: int) -> Self:
        """Count all rows of the train part, held or streamed.

        Args:
            size: ids run from 0 to size - 1.
        """
        counts = cls(np.zeros(size), np.zeros(size))
        if train.stream is None:
            counts._add(train.feeds[ITEM][:, 0], train.labels)
            return counts
        for chunk in LogFile(train.stream.path).chunks((ITEM, "label", "at", "source")):
            chosen = train.stream.chosen(chunk.table)
            counts._add(words(chunk.table[ITEM]).ids(ITEM, size)[chosen], labels(chunk.table)[chosen])
        return counts

    def _add(self, ids: NDArray[np.int32], engaged: NDArray[np.float32]) -> None:
        self.shown[:] += np.bincount(ids, minlength=len(self.shown))
        self.engaged[:] += np.bincount(ids, weights=engaged, minlength=len(self.shown))

    def rate(self) -> Column:
        """Return the log-odds of the share of engagements, drawn to the base rate by twenty rows; shape (ids,)."""
        base = self.engaged.sum() / self.shown.sum()
        share = smoothed(self.engaged, self.shown, base)
        odds: Column = np.log(share / (1 - share))
        return odds


TERMS: Final[Mapping[str, Callable[[Counts], Column]]] = {
    "whether it is new": lambda counts: (counts.shown == 0).astype(np.float64),
    "whether nobody engaged with it": lambda counts: (counts.engaged == 0).astype(np.float64),
    "how many engaged with it": lambda counts: np.log1p(counts.engaged),
    "how often it was shown": lambda counts: np.log1p(counts.shown),
    "how large a share engaged with it": Counts.rate,
}
"""What may be said of creatives by their counts, each a number for every id, shape (ids,)."""
