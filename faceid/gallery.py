"""The exact index of one operator's templates under one embedding contract."""

import threading
from collections.abc import Iterable
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from faceid.errors import ContractMismatch
from faceid.match import Entry, Match
from faceid.search.columns import Columns, seconds
from faceid.search.hits import merged
from faceid.search.snapshot import Snapshot
from faceid.search.table import Table

PACK_FROM = 16_384
"""Rows from which quantised copies are worth making."""

_COMPACT_FROM = 256
_PACK_SHARE = 8


class Gallery:
    """Unit vectors with the consent that lets each of them match; implements :class:`faceid.match.SearchEngine`.

    The consent mask (end of validity, venues) is part of the searched data, so there is no way to ask for a
    neighbour around it. Any number of threads may search while others change the gallery: rows are only ever
    appended or killed, a killed row is overwritten with zeros at once, and compaction swaps in new parts.

    A large gallery is a :class:`faceid.search.snapshot.Snapshot`, where quantised copies rule most rows out before the
    rest is compared exactly, and a small table of what came since. Answers are those of comparing everything in
    float64, but that a row which just reaches the threshold is missed once in 53 million (decision 0038); equal cosines
    come in order of their keys.
    """

    def __init__(
        self,
        contract_id: str,
        dimension: int,
        entries: Iterable[Entry] | Columns = (),
        *,
        threads: int = 1,
        packs: bool = True,
    ) -> None:
        """Hold some templates.

        Args:
            packs: make a snapshot by itself when many templates have come one by one; False where the caller does it.
            threads: threads of one search in a large gallery. One is right wherever several workers share a machine.

        Raises:
            ValueError: as :meth:`put`.
        """
        self.contract_id = contract_id
        self.dimension = dimension
        self._threads = threads
        self._packs = packs
        self._lock = threading.Lock()
        self._parts = self._made(entries)

    def __len__(self) -> int:
        snapshot, table = self._parts
        return len(table.row_of) + (0 if snapshot is None else len(snapshot))

    def __contains__(self, key: str) -> bool:
        snapshot, table = self._parts
        return key in table.row_of or (snapshot is not None and snapshot.row(key) is not None)

    def __repr__(self) -> str:
        return f"Gallery({self.contract_id!r}, dimension={self.dimension}, templates={len(self)})"

    @property
    def snapshot(self) -> Snapshot | None:
        """The frozen part; None while the gallery is small."""
        return self._parts[0]

    @property
    def loose(self) -> int:
        """Templates that are not in the snapshot."""
        return len(self._parts[1].row_of)

    def keys(self) -> frozenset[str]:
        """Return the ids of all templates held."""
        with self._lock:
            snapshot, table = self._parts
            loose = frozenset(table.row_of)
            return loose if snapshot is None else loose | snapshot.keys()

    def put(self, entry: Entry) -> None:
        """Add a template, or replace the one of the same key.

        Raises:
            ValueError: the vector is not a unit vector of the gallery's dimension, or ``valid_until`` is naive.
        """
        with self._lock:
            snapshot, table = self._parts
            table.append(entry)
            if snapshot is not None and (row := snapshot.row(entry.key)) is not None:
                snapshot.remove(row)
            self._compact()

    def remove(self, key: str) -> bool:
        """Drop one template and overwrite its vector and the copies of it; say whether it was there."""
        with self._lock:
            snapshot, table = self._parts
            removed = table.kill(key)
            if snapshot is not None and (row := snapshot.row(key)) is not None:
                snapshot.remove(row)
                removed = True
            self._compact()
            return removed

    def remove_subject(self, subject: str) -> int:
        """Drop every template of a subject and overwrite the vectors; return how many there were."""
        with self._lock:
            snapshot, table = self._parts
            keys = list(table.keys_of.get(subject, ()))
            for key in keys:
                table.kill(key)
            rows = [] if snapshot is None else snapshot.rows_of(subject)
            for row in rows:
                assert snapshot is not None
                snapshot.remove(row)
            self._compact()
            return len(keys) + len(rows)

    def replace(self, entries: Iterable[Entry] | Columns) -> None:
        """Swap the whole content in one step; searches in progress finish on the old one.

        Raises:
            ValueError: as :meth:`put`; the content then stays as it was.
        """
        parts = self._made(entries)
        with self._lock:
            self._parts = parts

    def adopt(self, snapshot: Snapshot) -> None:
        """Swap the whole content for a snapshot's in one step.

        Raises:
            ContractMismatch: the snapshot is of another contract or dimension; the content then stays as it was.
        """
        header = snapshot.header
        if (header.contract, header.dimension) != (self.contract_id, self.dimension):
            raise ContractMismatch(
                f"The snapshot holds {header.dimension} numbers under contract {header.contract!r}.",
                expected=f"{self.dimension} numbers under {self.contract_id!r}.",
                remedy="Write a snapshot of this gallery.",
            )
        with self._lock:
            self._parts = snapshot, Table(self.dimension, ())

    def pack(self) -> None:
        """Make one snapshot in this process's memory of everything held."""
        with self._lock:
            self._pack()

    def columns(self) -> Columns:
        """Return a copy of everything held."""
        with self._lock:
            return self._columns()

    def nearest(
        self, probes: NDArray[np.float32], *, k: int, threshold: float, at: datetime, venue: str
    ) -> list[list[Match]]:
        """Find the subjects nearest to each probe; see :meth:`faceid.match.SearchEngine.nearest`.

        Raises:
            ValueError: the probes' shape is not (n, dimension), or ``at`` is naive.
        """
        if probes.ndim != 2 or probes.shape[1] != self.dimension:
            raise ValueError(f"Probes have shape (n, {self.dimension}), not {probes.shape}.")
        probes, moment = np.ascontiguousarray(probes, dtype=np.float32), seconds(at)
        snapshot, table = self._parts
        # In this order: a template that is replaced meanwhile is in the table before it leaves the snapshot.
        frozen = [[] for _ in probes] if snapshot is None else snapshot.nearest(probes, k, threshold, moment, venue)
        loose = table.nearest(probes, k, threshold, moment, venue)
        return [merged(parts, k) for parts in zip(loose, frozen, strict=True)]

    def _made(self, entries: Iterable[Entry] | Columns) -> tuple[Snapshot | None, Table]:
        if not isinstance(entries, Columns):
            entries = Columns.of(entries, self.dimension)
        if len(entries) >= PACK_FROM:
            return self._packed(entries), Table(self.dimension, ())
        return None, Table(self.dimension, map(entries.entry, range(len(entries))))

    def _packed(self, columns: Columns) -> Snapshot:
        return Snapshot.of(columns, contract=self.contract_id, threads=self._threads)

    def _compact(self) -> None:
        snapshot, table = self._parts
        rows = 0 if snapshot is None else snapshot.header.rows
        if self._packs and is_due(len(table.row_of), rows):
            self._pack()
        elif len(table.rows) > max(_COMPACT_FROM, 2 * len(table.row_of)):
            self._parts = snapshot, Table(self.dimension, table.entries())

    def _pack(self) -> None:
        columns = self._columns()
        if len(columns):
            self._parts = self._packed(columns), Table(self.dimension, ())

    def _columns(self) -> Columns:
        snapshot, table = self._parts
        loose = Columns.of(table.entries(), self.dimension)
        return loose if snapshot is None else snapshot.columns().joined(loose)

    def terms(self) -> Columns:
        """Return everything held without the vectors (shape (n, 0)), in any order."""
        with self._lock:
            snapshot, table = self._parts
            loose = Columns.of(table.entries(), self.dimension).bare()
            return loose if snapshot is None else snapshot.terms().joined(loose)

    @property
    def _table(self) -> Table:
        return self._parts[1]


def is_due(loose: int, frozen: int) -> bool:
    """Return whether so many loose templates beside so many frozen ones are worth a new snapshot."""
    return loose >= max(PACK_FROM, frozen // _PACK_SHARE)
