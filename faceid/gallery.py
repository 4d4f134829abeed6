"""The exact in-memory index of one operator's templates under one embedding contract."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from faceid.match import Entry, Match

_DEAD = -np.inf
_COMPACT_FROM = 256
_GATHER_BELOW = 0.25
"""Share of rows in reach below which copying them out is cheaper than a product with the whole matrix."""


class Gallery:
    """Unit vectors with the consent that lets each of them match; implements :class:`faceid.match.SearchEngine`.

    The consent mask (end of validity, venues) is part of the searched data, so there is no way to ask for a
    neighbour around it. Any number of threads may search while others change the gallery: rows are only ever
    appended or killed, a killed row is overwritten with zeros at once, and compaction swaps in a new table.
    """

    def __init__(self, contract_id: str, dimension: int, entries: Iterable[Entry] = ()) -> None:
        self.contract_id = contract_id
        self.dimension = dimension
        self._lock = threading.Lock()
        self._table = _Table(dimension, entries)

    def __len__(self) -> int:
        return len(self._table.row_of)

    def __contains__(self, key: str) -> bool:
        return key in self._table.row_of

    def __repr__(self) -> str:
        return f"Gallery({self.contract_id!r}, dimension={self.dimension}, templates={len(self)})"

    def keys(self) -> frozenset[str]:
        """Return the ids of all templates held."""
        with self._lock:
            return frozenset(self._table.row_of)

    def put(self, entry: Entry) -> None:
        """Add a template, or replace the one of the same key.

        Raises:
            ValueError: the vector is not a unit vector of the gallery's dimension, or ``valid_until`` is naive.
        """
        with self._lock:
            self._table.append(entry)
            self._compact()

    def remove(self, key: str) -> bool:
        """Drop one template and overwrite its vector; say whether it was there."""
        with self._lock:
            removed = self._table.kill(key)
            self._compact()
            return removed

    def remove_subject(self, subject: str) -> int:
        """Drop every template of a subject and overwrite the vectors; return how many there were."""
        with self._lock:
            keys = list(self._table.keys_of.get(subject, ()))
            for key in keys:
                self._table.kill(key)
            self._compact()
            return len(keys)

    def replace(self, entries: Iterable[Entry]) -> None:
        """Swap the whole content in one step; searches in progress finish on the old one.

        Raises:
            ValueError: as :meth:`put`; the content then stays as it was.
        """
        table = _Table(self.dimension, entries)
        with self._lock:
            self._table = table

    def nearest(
        self, probes: NDArray[np.float32], *, k: int, threshold: float, at: datetime, venue: str
    ) -> list[list[Match]]:
        """Find the subjects nearest to each probe; see :meth:`faceid.match.SearchEngine.nearest`.

        Raises:
            ValueError: the probes' shape is not (n, dimension), or ``at`` is naive.
        """
        if probes.ndim != 2 or probes.shape[1] != self.dimension:
            raise ValueError(f"Probes have shape (n, {self.dimension}), not {probes.shape}.")
        return self._table.nearest(probes.astype(np.float32, copy=False), k, threshold, _seconds(at), venue)

    def _compact(self) -> None:
        if len(self._table.rows) > max(_COMPACT_FROM, 2 * len(self._table.row_of)):
            self._table = _Table(self.dimension, self._table.entries())


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    subject: str
    valid_until: datetime | None
    venues: frozenset[str] | None


class _RowNumbers:
    """Ascending row numbers in an array that doubles when full."""

    __slots__ = ("_count", "_values")

    def __init__(self) -> None:
        self._values: NDArray[np.intp] = np.empty(16, dtype=np.intp)
        self._count = 0

    def append(self, row: int) -> None:
        if self._count == len(self._values):
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
        self._values[self._count] = row
        self._count += 1

    def view(self) -> NDArray[np.intp]:
        return self._values[: self._count]


class _Table:
    """Columns of a gallery: row i is one template, alive at times before ``valid_until[i]``.

    Searches take no lock. They read the row numbers first and the columns afterwards; :meth:`append` writes in the
    opposite order, so every row number a search sees has its columns filled.
    """

    def __init__(self, dimension: int, entries: Iterable[Entry]) -> None:
        self.rows: list[_Row] = []
        self.row_of: dict[str, int] = {}
        self.keys_of: dict[str, set[str]] = {}
        self._vectors: NDArray[np.float32] = np.zeros((64, dimension), dtype=np.float32)
        self._valid_until: NDArray[np.float64] = np.full(64, _DEAD)
        self._everywhere = _RowNumbers()
        self._local: dict[str, _RowNumbers] = {}
        for entry in entries:
            self.append(entry)

    def append(self, entry: Entry) -> None:
        _check(entry, self._vectors.shape[1])
        until = np.inf if entry.valid_until is None else _seconds(entry.valid_until)
        self.kill(entry.key)
        row = len(self.rows)
        if row == len(self._vectors):
            self._grow()
        self._vectors[row] = entry.vector
        self._valid_until[row] = until
        self.rows.append(_Row(entry.key, entry.subject, entry.valid_until, entry.venues))
        self.row_of[entry.key] = row
        self.keys_of.setdefault(entry.subject, set()).add(entry.key)
        for numbers in self._lists(entry.venues):
            numbers.append(row)

    def kill(self, key: str) -> bool:
        row = self.row_of.pop(key, None)
        if row is None:
            return False
        self._valid_until[row] = _DEAD
        self._vectors[row] = 0.0
        subject = self.rows[row].subject
        self.keys_of[subject].discard(key)
        if not self.keys_of[subject]:
            del self.keys_of[subject]
        return True

    def entries(self) -> Iterator[Entry]:
        for row in self.row_of.values():
            about = self.rows[row]
            yield Entry(about.key, about.subject, self._vectors[row].copy(), about.valid_until, about.venues)

    def nearest(
        self, probes: NDArray[np.float32], k: int, threshold: float, at: float, venue: str
    ) -> list[list[Match]]:
        rows = self._in_reach(venue)
        if not len(rows):
            return [[] for _ in probes]
        scores = self._scores(probes, rows)
        alive = self._valid_until[rows] > at
        return [self._best(row_scores, alive, rows, k, threshold) for row_scores in scores]

    def _scores(self, probes: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Compute cosines of shape (probes, rows)."""
        total = int(rows[-1]) + 1
        if len(rows) < _GATHER_BELOW * total:
            return probes @ self._vectors[rows].T
        products: NDArray[np.float32] = probes @ self._vectors[:total].T
        return products if len(rows) == total else products[:, rows]

    def _best(
        self,
        scores: NDArray[np.float32],
        alive: NDArray[np.bool_],
        rows: NDArray[np.intp],
        k: int,
        threshold: float,
    ) -> list[Match]:
        hits = np.flatnonzero((scores >= threshold) & alive)
        hits = hits[np.argsort(-scores[hits], kind="stable")]
        best: dict[str, Match] = {}
        for hit in hits:
            about = self.rows[rows[hit]]
            # The template may have been removed since the scores were computed.
            if about.subject not in best and self.row_of.get(about.key) == rows[hit]:
                best[about.subject] = Match(about.key, about.subject, min(1.0, float(scores[hit])))
            if len(best) == k:
                break
        return list(best.values())

    def _in_reach(self, venue: str) -> NDArray[np.intp]:
        local = self._local.get(venue)
        if local is None:
            return self._everywhere.view()
        return np.sort(np.concatenate([self._everywhere.view(), local.view()]))

    def _lists(self, venues: frozenset[str] | None) -> list[_RowNumbers]:
        if venues is None:
            return [self._everywhere]
        return [self._local.setdefault(venue, _RowNumbers()) for venue in venues]

    def _grow(self) -> None:
        self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._valid_until = np.concatenate([self._valid_until, np.full_like(self._valid_until, _DEAD)])


def _check(entry: Entry, dimension: int) -> None:
    if entry.vector.shape != (dimension,):
        raise ValueError(f"A template has shape ({dimension},), not {entry.vector.shape}.")
    if not abs(float(np.linalg.norm(entry.vector)) - 1.0) <= 1e-3:  # written so that NaN fails, too
        raise ValueError("A template is a unit vector; this one is not. Normalise it before storing it.")


def _seconds(at: datetime) -> float:
    if at.tzinfo is None:
        raise ValueError("Times have a zone: use datetime.now(UTC).")
    return at.timestamp()
