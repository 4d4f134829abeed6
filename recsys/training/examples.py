"""Encoded examples, and their split into earlier and later."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.columns import Words
from recsys.features import PICTURE, Feeds
from recsys.pictures.looks import Looks
from recsys.training.errors import OneClass
from recsys.training.streaming import Stream

TRAIN_SHARE, VALIDATION_SHARE = 0.70, 0.15


@dataclass(frozen=True, slots=True)
class Examples:
    """Encoded examples, oldest first.

    Attributes:
        feeds: the model's inputs, see `recsys.columns.encode_columns`.
        labels: 1 engaged, 0 did not; float32, shape (rows,).
        at: microseconds since 1970 UTC, int64, shape (rows,).
        viewer: pseudonyms; absent for anonymous viewers.
        creative, category, source: words of the rows.
        tasks: labels of single tasks by the names of `TASKS`, float32, shape (rows,), NaN where nobody could tell.
        vision: what described the pictures among the feeds, empty without any.
        stream: all rows of the part, when these are only an even sample of a log too long to be held.
    """

    feeds: Feeds
    labels: NDArray[np.float32]
    at: NDArray[np.int64]
    viewer: Words
    creative: Words
    category: Words
    source: Words
    tasks: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    vision: str = ""
    stream: Stream | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def total(self) -> int:
        """Rows of the part, held or not."""
        return len(self) if self.stream is None else len(self.stream)

    def looked_at(self, looks: Looks) -> Examples:
        """Add what the rows' creatives look like; as they are where the table knows none of them."""
        if not looks.knows(self.creative.vocabulary):
            return self
        return replace(self, feeds=self.feeds | {PICTURE: looks.of_rows(self.creative, self.at)}, vision=looks.vision)

    def take(self, rows: NDArray[np.intp]) -> Examples:
        """Select rows among those held."""
        return Examples(
            feeds={name: ids[rows] for name, ids in self.feeds.items()},
            labels=self.labels[rows],
            at=self.at[rows],
            viewer=self.viewer.take(rows),
            creative=self.creative.take(rows),
            category=self.category.take(rows),
            source=self.source.take(rows),
            tasks={name: values[rows] for name, values in self.tasks.items()},
            vision=self.vision,
        )


class Split(NamedTuple):
    """Three parts; within each source, each is strictly later than the one before."""

    train: Examples
    validation: Examples
    test: Examples


def split_by_time(examples: Examples) -> Split:
    """Split each source into train, validation and test so that every part is strictly later than the one before.

    Each source by itself: a log that was imported may be years older than the plays, and would otherwise be all of the
    train part and none of the test part. Rows of the same instant stay together, in the later part.

    Raises:
        OneClass: a part holds no rows or only one kind of label.
    """
    sources = [np.flatnonzero(examples.source.codes == code) for code in np.unique(examples.source.codes)]
    cuts = [_cut(examples.at, rows) for rows in sources]
    split = Split(*(examples.take(np.sort(np.concatenate(parts))) for parts in zip(*cuts, strict=True)))
    for name, part in zip(Split._fields, split, strict=True):
        check_classes(name, part.labels, len(examples))
    return split


def check_classes(name: str, labels: NDArray[np.floating], of: int) -> None:
    """Refuse a part of which nothing can be learnt, and on which nothing can be measured.

    Args:
        labels: of the part, shape (rows,).
        of: rows of all parts.

    Raises:
        OneClass: the part holds no rows or only one kind of label.
    """
    if len(np.unique(labels)) < 2:
        raise OneClass(
            f"the {name} part ({len(labels)} of {of} rows, split by time) needs both labels 0 and 1, "
            f"and holds {int(labels.sum())} positives"
        )


def _cut(at: NDArray[np.int64], rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], ...]:
    """Split the rows of one source, oldest first, into its three parts."""
    first, second = boundaries(at[rows])
    return rows[:first], rows[first:second], rows[second:]


def boundaries(at: NDArray[np.int64]) -> tuple[int, int]:
    """Find where validation and test begin among the times of one source, oldest first."""
    shares = (TRAIN_SHARE, TRAIN_SHARE + VALIDATION_SHARE)
    first, second = (_boundary(at, round(len(at) * share)) for share in shares)
    return first, second


def _boundary(at: NDArray[np.int64], row: int) -> int:
    if row >= len(at):
        return len(at)
    return int(np.searchsorted(at, at[row], side="left"))
