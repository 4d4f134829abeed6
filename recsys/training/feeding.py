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


Kind: TypeAlias = tuple[tuple[int, ...], str]
"""Shape and type of a feed's rows, such as (50,) and int32."""


class Source(Protocol):
    """Rows that can be gone through again and again, each time in another order."""

    @property
    def kinds(self) -> dict[str, Kind]:
        """Tell the shape and the type of a row of each feed."""
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
    def kinds(self) -> dict[str, Kind]:
        """Tell the shape and the type of a row of each feed."""
        return {name: (values.shape[1:], values.dtype.name) for name, values in self.feeds.items()}

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


class Feed:
    """Passes of `tf.data` over a source, whose blocks are read and shuffled while the one before is learnt from.

    Args:
        rows: of a block.
        random: draws the order of each pass.
    """

    def __init__(self, source: Source, rows: int, random: np.random.Generator) -> None:
        self.source, self.rows, self.random = source, rows, random
        self._failures: list[TrainingRefused] = []
        feeds = {name: tf.TensorSpec((None, *shape), kind) for name, (shape, kind) in source.kinds.items()}
        signature = (feeds, tf.TensorSpec((None, source.columns), tf.float32))
        self._passes = tf.data.Dataset.from_generator(self._blocks, output_signature=signature).prefetch(AHEAD)

    def __iter__(self) -> Iterator[tuple[dict[str, Any], Any]]:
        """Go through all rows once more.

        Raises:
            TrainingRefused: whatever the source raised, which `tf.data` by itself would tell as a text.
        """
        self._failures.clear()
        try:
            yield from self._passes
        except tf.errors.OpError:
            if self._failures:
                raise self._failures[0] from None
            raise

    def _blocks(self) -> Iterator[Block]:
        try:
            yield from self.source.blocks(self.rows, self.random)
        except TrainingRefused as failure:
            self._failures.append(failure)
            raise
