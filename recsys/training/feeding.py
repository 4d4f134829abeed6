"""Feeding steps: rows in random order, laid out ahead of the steps that learn from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
        """Go through all rows once in random order, in blocks of ``rows`` rows; the last may be shorter.

        Features of one id may come packed, see `Packing`.
        """
        ...


@dataclass(frozen=True)
class Packing:
    """Features of one id, side by side in one array, since drawing rows and handing arrays over costs by the array.

    Attributes:
        names: of the features that are packed, none unless there are several.
    """

    names: tuple[str, ...]

    @classmethod
    def of(cls, kinds: Mapping[str, Kind]) -> Packing:
        """Pack what holds one int32 a row."""
        names = tuple(name for name, kind in kinds.items() if kind == ((1,), "int32"))
        return cls(names if len(names) > 1 else ())

    def pack(self, feeds: Feeds) -> Feeds:
        """Put arrays of one column, (rows, 1), into one of several, under the name ``""``, unless they are."""
        if not self.names or "" in feeds:
            return feeds
        rest = {name: values for name, values in feeds.items() if name not in self.names}
        return {"": np.concatenate([feeds[name] for name in self.names], axis=1), **rest}

    def unpack(self, packed: Mapping[str, Any]) -> dict[str, Any]:
        """Take tensors apart again."""
        rest = {name: values for name, values in packed.items() if name}
        if not self.names:
            return rest
        return dict(zip(self.names, tf.split(packed[""], len(self.names), axis=1), strict=True)) | rest


class Held:
    """Rows in memory.

    Args:
        feeds: ids by feature, (rows, length).
        targets: float32, (rows, columns).
        share: which rows to take of each pass and out of how many equal shares, when several machines learn together.
    """

    def __init__(self, feeds: Feeds, targets: NDArray[np.float32], share: tuple[int, int] = (0, 1)) -> None:
        self.kinds: dict[str, Kind] = {name: (values.shape[1:], values.dtype.name) for name, values in feeds.items()}
        self.targets = targets
        self.share, self.shares = share
        self._packing = Packing.of(self.kinds)
        self._feeds = self._packing.pack(feeds)

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
            feeds = {name: ids.take(chosen, axis=0) for name, ids in self._feeds.items()}
            yield feeds, self.targets.take(chosen, axis=0)


class Feed:
    """Passes of `tf.data` over a source, whose blocks are read and shuffled while the one before is learnt from.

    One iterator serves all passes, since it takes longer to make than a small log to go through, and begins with the
    next pass while the last one is judged. A block without rows stands between two passes.

    Args:
        rows: of a block.
        random: draws the order of each pass.
    """

    def __init__(self, source: Source, rows: int, random: np.random.Generator) -> None:
        self.source, self.rows, self.random = source, rows, random
        self._failures: list[TrainingRefused] = []
        self.packing = Packing.of(source.kinds)
        self._passes = tf.data.Dataset.from_generator(self._blocks, output_signature=self.specs).prefetch(AHEAD)
        self._ahead: Iterator[tuple[dict[str, Any], Any]] | None = None

    def __iter__(self) -> Iterator[tuple[dict[str, Any], Any]]:
        """Go through all rows once more, from the first to the last, packed.

        Raises:
            TrainingRefused: whatever the source raised, which `tf.data` by itself would tell as a text.
        """
        ahead = self._ahead or iter(self._passes)
        self._ahead = None  # a pass that is left before its end, or fails, is not gone on with
        try:
            for feeds, targets in ahead:
                if not targets.shape[0]:
                    self._ahead = ahead
                    return
                yield feeds, targets
        except tf.errors.OpError:
            if self._failures:
                raise self._failures.pop() from None
            raise

    @property
    def specs(self) -> tuple[dict[str, Any], Any]:
        """Tell the shapes and types of a block of any length."""
        feeds, targets = self._between
        kinds = {name: tf.TensorSpec((None, *each.shape[1:]), each.dtype) for name, each in feeds.items()}
        return kinds, tf.TensorSpec((None, *targets.shape[1:]), tf.float32)

    @property
    def _between(self) -> Block:
        feeds = {name: np.empty((0, *shape), dtype=kind) for name, (shape, kind) in self.source.kinds.items()}
        return self.packing.pack(feeds), np.empty((0, self.source.columns), dtype=np.float32)

    def _blocks(self) -> Iterator[Block]:
        try:
            while True:
                for feeds, targets in self.source.blocks(self.rows, self.random):
                    yield self.packing.pack(feeds), targets
                yield self._between
        except TrainingRefused as failure:
            self._failures.append(failure)
            raise
