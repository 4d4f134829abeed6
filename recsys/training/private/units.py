"""Whose presence is hidden: rows gathered by person, or one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.training.dataset import Examples
from recsys.training.private.terms import Unit

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Units:
    """Rows in the order of their units.

    Attributes:
        rows: places of rows in the examples.
        starts: unit i holds rows[starts[i]:starts[i + 1]]; shape (units + 1,).
    """

    rows: Places
    starts: Places

    def __len__(self) -> int:
        return len(self.starts) - 1

    def draw(self, rate: float, random: np.random.Generator) -> tuple[Places, Places]:
        """Draw each unit by itself with the same chance (Poisson sampling), so that a step may also draw none.

        Returns:
            The rows of the drawn units, and where each unit begins among them, shape (drawn + 1,).
        """
        drawn = np.flatnonzero(random.random(len(self)) < rate)
        sizes = self.starts[drawn + 1] - self.starts[drawn]
        starts = np.concatenate(([0], np.cumsum(sizes)))
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        return self.rows[np.repeat(self.starts[drawn], sizes) + within], starts


def gather(examples: Examples, unit: Unit, most: int, random: np.random.Generator) -> Units:
    """Gather rows by unit; a row without a viewer is a unit of its own.

    Args:
        most: rows of a unit that are kept, drawn without replacement: one person's many rows must not make their
            gradient dearer to compute, nor reveal how many there were.
    """
    count = len(examples)
    owners = np.arange(count, dtype=np.int64) + len(examples.viewer.vocabulary)
    if unit == "person":
        owners = np.where(examples.viewer.codes >= 0, examples.viewer.codes, owners)
    order = np.lexsort((random.random(count), owners))
    firsts = np.flatnonzero(np.diff(owners[order], prepend=-1))
    sizes = np.diff(firsts, append=count)
    rank = np.arange(count) - np.repeat(firsts, sizes)
    kept = order[rank < most]
    return Units(kept.astype(np.int64), np.concatenate(([0], np.cumsum(np.minimum(sizes, most)))).astype(np.int64))
