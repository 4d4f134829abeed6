"""Feeding steps: rows in random order, laid out ahead of the steps that learn from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.features import Feeds
from recsys.training.errors import TrainingRefused
from recsys.training.tensorflow import tf

AHEAD = 2
"""Blocks made ready while one is learnt from."""

Block: TypeAlias = tuple[Feeds, NDArray[np.float32]]
"""Feeds and targets of some rows, targets of shape (rows, columns)."""


class Source(Protocol):
    """Rows that can be gone through again and again, each time in another order."""

    @property
    def widths(self) -> dict[str, int]:
        """Count the ids of a row, by feature."""
        ...

    @property
    def columns(self) -> int:
        """Count the columns of the targets."""
        ...

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

    @property
    def widths(self) -> dict[str, int]:
        """Count the ids of a row, by feature."""
        return {name: ids.shape[1] for name, ids in self.feeds.items()}

    @property
    def columns(self) -> int:
        """Count the columns of the targets."""
        return int(self.targets.shape[1])

    def __len__(self) -> int:
        return len(self.targets) // self.shares

    def blocks(self, rows: int, random: np.random.Generator) -> Iterator[Block]:
        """Draw without replacement; equal generators give the shares of one order."""
        order = random.permutation(len(self.targets))[: len(self) * self.shares][self.share :: self.shares]
        for start in range(0, len(order), rows):
            chosen = order[start : start + rows]
            yield {name: ids[chosen] for name, ids in self.feeds.items()}, self.targets[chosen]


def prefetched(source: Source, rows: int, random: np.random.Generator) -> Iterator[tuple[dict[str, Any], Any]]:
    """Go through one pass of `tf.data`, whose blocks are read and shuffled while the one before is learnt from.

    Raises:
        TrainingRefused: whatever the source raised, which `tf.data` by itself would tell as a text.
    """
    failures: list[TrainingRefused] = []

    def blocks() -> Iterator[Block]:
        try:
            yield from source.blocks(rows, random)
        except TrainingRefused as failure:
            failures.append(failure)
            raise

    feeds = {name: tf.TensorSpec((None, width), tf.int32) for name, width in source.widths.items()}
    signature = (feeds, tf.TensorSpec((None, source.columns), tf.float32))
    try:
        yield from tf.data.Dataset.from_generator(blocks, output_signature=signature).prefetch(AHEAD)
    except tf.errors.OpError:
        if failures:
            raise failures[0] from None
        raise
