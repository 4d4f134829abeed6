"""Feeding steps: rows in random order, laid out ahead of the steps that learn from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.features import Feeds
from recsys.training.tensorflow import tf

AHEAD = 2
"""Blocks made ready while one is learnt from."""

Block: TypeAlias = tuple[Feeds, NDArray[np.float32]]
"""Feeds and targets of some rows, targets of shape (rows, columns)."""


class Source(Protocol):
    """Rows that can be gone through again and again, each time in another order.

    Attributes:
        widths: ids of a row, by feature.
        columns: of the targets.
    """

    widths: dict[str, int]
    columns: int

    def __len__(self) -> int:
        """Count the rows of one pass."""
        ...

    def blocks(self, rows: int, random: np.random.Generator) -> Iterator[Block]:
        """Go through all rows once in random order, in blocks of ``rows`` rows; the last may be shorter."""
        ...


class Held:
    """Rows in memory.

    Args:
        feeds: ids by feature, (rows, length).
        targets: float32, (rows, columns).
        share: which rows to take of each pass and out of how many equal shares, when several machines learn together.
    """

    def __init__(self, feeds: Feeds, targets: NDArray[np.float32], share: tuple[int, int] = (0, 1)) -> None:
        self.feeds, self.targets = feeds, targets
        self.share, self.shares = share
        self.widths = {name: ids.shape[1] for name, ids in feeds.items()}
        self.columns = targets.shape[1]

    def __len__(self) -> int:
        return len(self.targets) // self.shares

    def blocks(self, rows: int, random: np.random.Generator) -> Iterator[Block]:
        """Draw without replacement; equal generators give the shares of one order."""
        order = random.permutation(len(self.targets))[: len(self) * self.shares][self.share :: self.shares]
        for start in range(0, len(order), rows):
            chosen = order[start : start + rows]
            yield {name: ids[chosen] for name, ids in self.feeds.items()}, self.targets[chosen]


def prefetched(source: Source, rows: int, random: np.random.Generator) -> Any:
    """Make one pass a `tf.data.Dataset` whose blocks are read and shuffled while the one before is learnt from."""
    feeds = {name: tf.TensorSpec((None, width), tf.int32) for name, width in source.widths.items()}
    signature = (feeds, tf.TensorSpec((None, source.columns), tf.float32))
    blocks = tf.data.Dataset.from_generator(lambda: source.blocks(rows, random), output_signature=signature)
    return blocks.prefetch(AHEAD)
