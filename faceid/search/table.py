"""The few rows of a gallery that came after its snapshot: compared by a plain product, changed at any time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from faceid.match import Entry
from faceid.search.columns import check, until
from faceid.search.hits import Best, Hit

_DEAD = -np.inf
_ROUNDING = 1e-5
_GATHER_BELOW = 0.25
"""Share of rows in reach below which copying them out is cheaper than a product with the whole matrix."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a row is about."""

    key: str
    subject: str
    valid_until: datetime | None
    venues: frozenset[str] | None


class RowNumbers:
    """Ascending row numbers in an array that doubles when full."""

    __slots__ = ("_count", "_values")

    def __init__(self) -> None:
        self._values: NDArray[np.intp] = np.empty(16, dtype=np.intp)
        self._count = 0

    def append(self, row: int) -> None:
        """Add a row number, greater than all before it."""
        if self._count == len(self._values):
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
        self._values[self._count] = row
        self._count += 1

    def view(self) -> NDArray[np.intp]:
        """Return the row numbers so far."""
        return self._values[: self._count]


class Table:
    """Rows that came one by one: row i is one template, alive at times before ``valid_until[i]``.

    Searches take no lock. They read the row numbers first and the columns afterwards; :meth:`append` writes in the
    opposite order, so every row number a search sees has its columns filled.
    """

    def __init__(self, dimension: int, entries: Iterable[Entry]) -> None:
        self.rows: list[Row] = []
        self.row_of: dict[str, int] = {}
        self.keys_of: dict[str, set[str]] = {}
        self._vectors: NDArray[np.float32] = np.zeros((64, dimension), dtype=np.float32)
        self._valid_until: NDArray[np.float64] = np.full(64, _DEAD)
        self._everywhere = RowNumbers()
        self._local: dict[str, RowNumbers] = {}
        for entry in entries:
            self.append(entry)

    def append(self, entry: Entry) -> None:
        """Add a template, or replace the one of the same key.

        Raises:
            ValueError: the vector is not a unit vector of the dimension, or ``valid_until`` is naive.
        """
        check(entry, self._vectors.shape[1])
        self.kill(entry.key)
        row = len(self.rows)
        if row == len(self._vectors):
            self._grow()
        self._vectors[row] = entry.vector
        self._valid_until[row] = until(entry)
        self.rows.append(Row(entry.key, entry.subject, entry.valid_until, entry.venues))
        self.row_of[entry.key] = row
        self.keys_of.setdefault(entry.subject, set()).add(entry.key)
        for numbers in self._lists(entry.venues):
            numbers.append(row)

    def kill(self, key: str) -> bool:
        """Drop one template and overwrite its vector; say whether it was there."""
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
        """Return all templates with copies of their vectors."""
        for row in self.row_of.values():
            about = self.rows[row]
            yield Entry(about.key, about.subject, self._vectors[row].copy(), about.valid_until, about.venues)

    def nearest(self, probes: NDArray[np.float32], k: int, threshold: float, at: float, venue: str) -> list[list[Hit]]:
        """Find the subjects nearest to each probe; see :meth:`faceid.match.SearchEngine.nearest`.

        Args:
            at: seconds since 1970.
        """
        rows = self._in_reach(venue)
        if not len(rows):
            return [[] for _ in probes]
        scores = self._scores(probes, rows)
        alive = self._valid_until[rows] > at
        # The product rounds in float32; what it puts near the threshold is compared again in float64.
        reached = (scores >= threshold - _ROUNDING) & alive
        return [
            self._best(probe, rows[np.flatnonzero(its)], k, threshold)
            for probe, its in zip(probes, reached, strict=True)
        ]

    def _scores(self, probes: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Compute cosines of shape (probes, rows)."""
        total = int(rows[-1]) + 1
        if len(rows) < _GATHER_BELOW * total:
            return probes @ self._vectors[rows].T
        products: NDArray[np.float32] = probes @ self._vectors[:total].T
        return products if len(rows) == total else products[:, rows]

    def _best(self, probe: NDArray[np.float32], rows: NDArray[np.intp], k: int, threshold: float) -> list[Hit]:
        best = Best(self._vectors, probe, k, threshold)
        best.compare(rows, self._named)
        # A template may have been removed since the scores were computed.
        return [hit for hit in best.hits if hit.key in self.row_of]

    def _named(self, row: int) -> tuple[str, str]:
        return self.rows[row].key, self.rows[row].subject

    def _in_reach(self, venue: str) -> NDArray[np.intp]:
        local = self._local.get(venue)
        if local is None:
            return self._everywhere.view()
        return np.sort(np.concatenate([self._everywhere.view(), local.view()]))

    def _lists(self, venues: frozenset[str] | None) -> list[RowNumbers]:
        if venues is None:
            return [self._everywhere]
        return [self._local.setdefault(venue, RowNumbers()) for venue in venues]

    def _grow(self) -> None:
        self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._valid_until = np.concatenate([self._valid_until, np.full_like(self._valid_until, _DEAD)])
