"""Going through a part of a log that is too long to be held: read in row groups, shuffled by a buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys.features import PICTURE, FeatureSpec, Feeds
from recsys.pictures.looks import Looks
from recsys.training.rare import Rare
from recsys.training.reading import LogFile, encode, instants, labels, tasks, words

BUFFER = 131_072
"""Rows among which each row's place is drawn; encoded, about 0.5 kB each."""

Labels: TypeAlias = NDArray[np.float32]
Targets: TypeAlias = Callable[[Labels, dict[str, Labels]], Labels]
"""Lays labels (rows,) and columns of further labels out as targets, (rows, columns)."""
Rows: TypeAlias = tuple[Feeds, Labels]
Kind: TypeAlias = tuple[tuple[int, ...], str]
"""Shape and type of a feed's rows, see `recsys.training.feeding.Kind`."""


@dataclass(frozen=True)
class Stream:
    """All rows of one part of a log.

    Attributes:
        path: of the log, which was checked whole, see `recsys.training.survey`.
        oldest: time before which rows are left out, microseconds since 1970 UTC.
        until: time from which on rows of a source belong to a later part, by the word of the source.
        rows: how many those are.
        rate: share of positives among them.
        looks: what the creatives look like; None for networks that look at no pictures.
        rare: which ids are learnt in a row that they share; None where each has its own.
    """

    path: Path
    spec: FeatureSpec
    oldest: int
    until: Mapping[str, int]
    rows: int
    rate: float
    looks: Looks | None = None
    rare: Rare | None = None

    def chunks(self) -> Iterator[Feeds]:
        """Go through all rows of the part once, in the order of the file."""
        for chunk in LogFile(self.path).chunks():
            chosen = self.chosen(chunk.table)
            if chosen.any():
                yield self.feeds(chunk.table.filter(pa.array(chosen)))

    def feeds(self, table: pa.Table) -> Feeds:
        """Encode rows of the log."""
        found = encode(table, self.spec)
        if self.rare is not None:
            found = self.rare.learnt(found)
        if self.looks is not None:
            found[PICTURE] = self.looks.of_rows(words(table["creative"]), instants(table))
        return found

    def __len__(self) -> int:
        return self.rows

    def chosen(self, table: pa.Table) -> NDArray[np.bool_]:
        """Tell which rows of a chunk belong to the part; shape (rows,)."""
        at, source = instants(table), words(table["source"])
        ends = np.array([self.until[word] for word in source.vocabulary], dtype=np.int64)
        chosen: NDArray[np.bool_] = (at >= self.oldest) & (at < ends[source.codes])
        return chosen


@dataclass(frozen=True)
class Streamed:
    """A stream to learn from; see `recsys.training.feeding.Source`.

    Attributes:
        share: which rows to take and out of how many equal shares, when several machines learn together.
        buffer: rows among which places are drawn.
    """

    stream: Stream
    targets: Targets
    share: tuple[int, int] = (0, 1)
    buffer: int = BUFFER

    @property
    def kinds(self) -> dict[str, Kind]:
        """Tell the shape and the type of a row of each feed."""
        found: dict[str, Kind] = {feature.name: ((feature.length,), "int32") for feature in self.stream.spec.features}
        return found | ({PICTURE: ((1, self.stream.looks.width), "float32")} if self.stream.looks else {})

    @property
    def columns(self) -> int:
        """Count the columns of the targets."""
        return int(self.targets(np.zeros(1, dtype=np.float32), {}).shape[1])

    def __len__(self) -> int:
        return len(self.stream) // self.share[1]

    def blocks(self, rows: int, random: np.random.Generator) -> Iterator[Rows]:
        """Go through all rows once: row groups in random order, rows drawn from a buffer that they flow through."""
        return _portioned(
            _shuffled(self._encoded(random.permutation(LogFile(self.stream.path).groups)), self.buffer, random), rows
        )

    def _encoded(self, groups: NDArray[np.int64]) -> Iterator[Rows]:
        """Encode this machine's share, chunk by chunk; every machine gets equally many rows."""
        number, of = self.share
        met = 0
        for chunk in LogFile(self.stream.path).chunks(groups=groups.tolist()):
            places = np.flatnonzero(self.stream.chosen(chunk.table))
            counted = np.arange(met, met + len(places))
            met += len(places)
            mine = places[(counted % of == number) & (counted < len(self) * of)]
            if len(mine):
                table = chunk.table.take(pa.array(mine))
                yield self.stream.feeds(table), self.targets(labels(table), tasks(table))


def _shuffled(chunks: Iterator[Rows], size: int, random: np.random.Generator) -> Iterator[Rows]:
    """Let rows flow through a buffer: each that comes takes the place of one drawn at random, which goes on."""
    held: Rows | None = None
    for chunk in chunks:
        held = chunk if held is None else _joined([held, chunk])
        surplus = len(held[1]) - size
        if surplus > 0:
            order = random.permutation(len(held[1]))
            yield _taken(held, order[:surplus])
            held = _taken(held, order[surplus:])
    if held is not None:
        yield _taken(held, random.permutation(len(held[1])))


def _portioned(pieces: Iterator[Rows], rows: int) -> Iterator[Rows]:
    """Cut pieces of any lengths into blocks of ``rows`` rows; the last may be shorter."""
    waiting: list[Rows] = []
    count = 0
    for piece in pieces:
        waiting.append(piece)
        count += len(piece[1])
        if count < rows:
            continue
        whole = _joined(waiting)
        for start in range(0, count - rows + 1, rows):
            yield _taken(whole, slice(start, start + rows))
        waiting, count = [_taken(whole, slice(count - count % rows, count))], count % rows
    if count:
        yield _joined(waiting)


def _joined(pieces: list[Rows]) -> Rows:
    feeds = {name: np.concatenate([piece[0][name] for piece in pieces]) for name in pieces[0][0]}
    return feeds, np.concatenate([piece[1] for piece in pieces])


def _taken(rows: Rows, chosen: NDArray[np.intp] | slice) -> Rows:
    return {name: ids[chosen] for name, ids in rows[0].items()}, rows[1][chosen]
