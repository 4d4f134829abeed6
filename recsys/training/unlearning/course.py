"""How a sharded training goes through a log: where it is split in time, in how many passes and steps.

All of this is derived from counts of rows, which change when somebody goes. So the course of the last training is kept
and repeated for as long as the log holds nothing newer: then the rows of everybody else are the same rows again.
"""

from __future__ import annotations

import math

import numpy as np

from recsys.training.dataset import Examples, Split, split_by_time
from recsys.training.errors import OneClass
from recsys.training.unlearning.checkpoints import Manifest
from recsys.training.unlearning.sharding import Sharding

USUAL_PASSES, MOST_PASSES = 4, 40
LEAST_STEPS = 1_000
SMALLEST_BATCH, STEPS_PER_PASS = 32, 64


def course(
    examples: Examples, sharding: Sharding, last: Manifest | None, *, epochs: int | None, batch_size: int
) -> tuple[Split, Manifest]:
    """Split a log and say how it is gone through: as the last time if only rows have gone since, else anew.

    Args:
        epochs: passes over each shard in all, None for as many as a log of its size needs.
        batch_size: rows of a step at most.

    Raises:
        OneClass: a part holds no rows or only one kind of label.
    """
    if last is not None and _continues(examples, sharding, last):
        return split_at(examples, last.boundaries), last
    split = split_by_time(examples)
    rows = len(split.train) // sharding.shards
    size = min(batch_size, max(SMALLEST_BATCH, rows // STEPS_PER_PASS))
    passes = _passes(rows, size) if epochs is None else epochs
    manifest = Manifest(
        shards=sharding.shards,
        slices=sharding.slices,
        boundaries=_boundaries(split),
        epochs=passes_of_a_slice(passes, sharding.slices),
        batch_size=size,
    )
    return split, manifest


def passes_of_a_slice(passes: int, slices: int) -> int:
    """Return how often to go through the people of the slices so far, after each slice.

    As many rows are visited in all as without slices: 2 e / (R + 1), Bourtoule et al. 2021, section V-B.
    """
    return max(1, round(2 * passes / (slices + 1)))


def split_at(examples: Examples, boundaries: dict[str, tuple[int, int, int]]) -> Split:
    """Split each source at given instants; see `Manifest`.

    Raises:
        OneClass: a part holds no rows or only one kind of label.
    """
    part = np.zeros(len(examples), dtype=np.int64)
    for code, source in enumerate(examples.source.vocabulary):
        rows = examples.source.codes == code
        validation, test, _ = boundaries[source]
        part[rows] = (examples.at[rows] >= validation).astype(np.int64) + (examples.at[rows] >= test)
    split = Split(*(examples.take(np.flatnonzero(part == place)) for place in range(3)))
    for name, rows_of in zip(Split._fields, split, strict=True):
        if len(np.unique(rows_of.labels)) < 2:
            raise OneClass(f"the {name} part ({len(rows_of)} of {len(examples)} rows) needs both labels 0 and 1")
    return split


def _continues(examples: Examples, sharding: Sharding, last: Manifest) -> bool:
    """Tell whether a log may be the last one less some people: dealt alike, and nothing in it is newer."""
    if (last.shards, last.slices) != (sharding.shards, sharding.slices):
        return False
    for code, source in enumerate(examples.source.vocabulary):
        rows = examples.at[examples.source.codes == code]
        if len(rows) and (source not in last.boundaries or rows.max() > last.boundaries[source][2]):
            return False
    return True


def _boundaries(split: Split) -> dict[str, tuple[int, int, int]]:
    """Find the instants at which each source was split; a part without rows begins where the next one does."""
    found = {}
    for code, source in enumerate(split.train.source.vocabulary):
        parts = [part.at[part.source.codes == code] for part in split]
        every = np.concatenate(parts)
        if not len(every):
            continue
        last = int(every.max())
        test = int(parts[2].min()) if len(parts[2]) else last + 1
        validation = int(parts[1].min()) if len(parts[1]) else test
        found[source] = (validation, test, last)
    return found


def _passes(rows: int, batch_size: int) -> int:
    steps = max(1, math.ceil(rows / batch_size))
    return max(USUAL_PASSES, min(MOST_PASSES, LEAST_STEPS // steps))
