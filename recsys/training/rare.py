"""Ids met too rarely for a vector of their own: those of a table share one.

Words are ids already, by a stable hash, so that counting takes four bytes for each id of a table, however many words a
log has; words that share an id are counted together. Nothing is remembered for serving: after training, each rare id's
row of the table holds the shared vector, and so does that of every id which the log does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from recsys.features import FeatureSpec, Feeds
    from recsys.training.examples import Examples, Split

Counts = dict[str, NDArray[np.int32]]


@dataclass(frozen=True, eq=False)
class Rare:
    """Which row of a table each id is learnt in.

    Attributes:
        tables: the table of each feature.
        rows: by table, int32, shape (ids,): the id itself, or of those too rare the first one. Tables with fewer than
            two rare ids are left out. Id 0, nobody and nothing, is never rare.
    """

    tables: Mapping[str, str]
    rows: Mapping[str, NDArray[np.int32]]

    @classmethod
    def of(cls, spec: FeatureSpec, counts: Counts, least: int) -> Rare:
        """Find the ids that occur less than ``least`` times."""
        rows = {}
        for table, count in counts.items():
            found = np.flatnonzero(count[1:] < least) + 1
            if len(found) > 1:
                rows[table] = np.arange(len(count), dtype=np.int32)
                rows[table][found] = found[0]
        return cls({feature.name: feature.table or feature.name for feature in spec.features}, rows)

    @classmethod
    def among(cls, spec: FeatureSpec, train: Examples, least: int) -> Rare:
        """Go through all train rows, held or streamed, unless one occurrence is enough."""
        if least <= 1:
            return cls({}, {})
        return cls.of(spec, count(spec, [train.feeds] if train.stream is None else train.stream.chunks()), least)

    def learnt(self, feeds: Feeds) -> Feeds:
        """Replace ids by those in whose rows they are learnt; arrays of frequent ids alone stay as they are."""
        return {
            name: self.rows[self.tables[name]][ids] if self.tables.get(name) in self.rows else ids
            for name, ids in feeds.items()
        }

    def split(self, split: Split) -> Split:
        """Replace the ids of all rows that are held, and of those that are streamed as they come."""
        if not self.rows:
            return split
        train, validation, test = (replace(part, feeds=self.learnt(part.feeds)) for part in split)
        if train.stream is not None:
            train = replace(train, stream=replace(train.stream, rare=self))
        return split._replace(train=train, validation=validation, test=test)

    def share(self, network: Any) -> None:
        """Give every rare id the vector that was learnt for all of them."""
        for table, rows in self.rows.items():
            weights = network.get_layer(f"{table}_table").weights[0]
            values = weights.numpy()
            shared = rows != np.arange(len(rows))
            values[shared] = values[rows[shared][0]]
            weights.assign(values)


def count(spec: FeatureSpec, chunks: Iterable[Feeds]) -> Counts:
    """Count how often each id of each table occurs, histories included."""
    sizes = {feature.table or feature.name: spec.sizes[feature.table or feature.name] for feature in spec.features}
    counts = {table: np.zeros(size, dtype=np.int32) for table, size in sizes.items()}
    for feeds in chunks:
        for feature in spec.features:
            ids, times = np.unique(feeds[feature.name], return_counts=True)
            counts[feature.table or feature.name][ids] += times.astype(np.int32)
    return counts
