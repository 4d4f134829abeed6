"""A frozen gallery in one file: nothing but removal ever changes it.

The file is mapped read-only. Rows are removed by writing over them in the file itself, so every process that maps it
loses them at the same moment: first the end of the consent becomes minus infinity, then the vector, both quantised
copies and the subject are zeros. Searches look at the consent before and after they compare.
"""

import fcntl
import itertools
import os
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faceid.search.columns import NOWHERE, Columns
from faceid.search.crew import Crew
from faceid.search.hits import Best, Hit
from faceid.search.layout import mapped
from faceid.search.nibbles import Halves, Scan, place
from faceid.search.octets import Steps, widths_of
from faceid.search.passes import Copies, Passes
from faceid.search.writing import write

FEW_PROBES = 6
"""Up to so many probes are scanned, twice as many where two numbers share a half byte; more are multiplied."""

_DEAD = -np.inf
_GATHER = 0.02
"""Share of rows in reach of a venue below which they are compared directly."""

_VENUES_KNOWN = 256


class Snapshot:
    """Rows of one gallery under one embedding contract, mapped from a file."""

    _descriptor = -1

    def __init__(self, descriptor: int, *, threads: int = 1) -> None:
        """Map a snapshot.

        Args:
            descriptor: of a file that :func:`faceid.search.writing.write` filled, readable and writable; this object
                opens it once more for itself.
            threads: threads of one search. One is right wherever several workers share a machine.

        Raises:
            SnapshotUnusable: the file is no snapshot.
        """
        # Opened anew: locks belong to one opening of a file.
        self._descriptor = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC)
        self._crew = Crew(threads)
        self._view, self.header, self._layout = mapped(self._descriptor)
        self._bind()
        self._reach: OrderedDict[str, NDArray[np.intp] | None] = OrderedDict()

    @classmethod
    def of(cls, columns: Columns, *, contract: str, stamp: Sequence[int] = (), threads: int = 1) -> Self:
        """Make a snapshot in memory of this process; see :func:`faceid.search.writing.write`."""
        descriptor = os.memfd_create("gallery", os.MFD_CLOEXEC)
        try:
            write(columns, descriptor, contract=contract, stamp=stamp)
            return cls(descriptor, threads=threads)
        finally:
            os.close(descriptor)

    def __len__(self) -> int:
        return int(np.count_nonzero(self._valid_until != _DEAD))

    def __repr__(self) -> str:
        return f"Snapshot({self.header.contract!r}, rows={self.header.rows}, stamp={self.header.stamp})"

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def is_of(self, status: os.stat_result) -> bool:
        """Return whether this is the snapshot of a file with such a status."""
        mine = os.fstat(self._descriptor)
        return (mine.st_dev, mine.st_ino) == (status.st_dev, status.st_ino)

    def row(self, key: str) -> int | None:
        """Return the row of a template that was not removed."""
        wanted = key.encode()
        position = int(np.searchsorted(self._keys, wanted, sorter=self._by_key))
        if position == len(self._by_key):
            return None
        row = int(self._by_key[position])
        return row if self._keys[row] == wanted and self._valid_until[row] != _DEAD else None

    def rows_of(self, subject: str) -> list[int]:
        """Return the rows of a subject that were not removed."""
        mine = np.flatnonzero(self._subjects == np.bytes_(subject.encode()))
        return [int(row) for row in mine if self._valid_until[row] != _DEAD]

    def keys(self) -> frozenset[str]:
        """Return the ids of all templates that were not removed."""
        return frozenset(key.decode() for key in self._keys[self._valid_until != _DEAD].tolist())

    def columns(self) -> Columns:
        """Return a copy of all rows that were not removed, by key."""
        rows = self._by_key[self._valid_until[self._by_key] != _DEAD]
        return Columns(
            self._keys[rows], self._subjects[rows], self._vectors[rows], self._valid_until[rows], self._areas[rows],
            self._venue_sets,
        )  # fmt: skip

    def terms(self) -> Columns:
        """Return all rows that were not removed, by key, without their vectors (shape (n, 0))."""
        rows = self._by_key[self._valid_until[self._by_key] != _DEAD]
        return Columns(
            self._keys[rows], self._subjects[rows], np.empty((len(rows), 0), dtype=np.float32),
            self._valid_until[rows], self._areas[rows], self._venue_sets,
        )  # fmt: skip

    def remove(self, row: int) -> None:
        """Overwrite a row, for every process that maps the file; a second time changes nothing."""
        self._overwrite("valid_until", row, np.float64(_DEAD).tobytes())
        self._overwrite("areas", row, np.int32(NOWHERE).tobytes())
        octets = (f"octets {number}" for number in range(len(self._octets)))
        for name in ("vectors", *octets, "subjects"):
            self._overwrite(name, row, bytes(self._layout.sections[name].row(row)[1]))
        self._erase_codes(row)

    def nearest(self, probes: NDArray[np.float32], k: int, threshold: float, at: float, venue: str) -> list[list[Hit]]:
        """Find the subjects nearest to each probe; see :meth:`faceid.match.SearchEngine.nearest`.

        Args:
            at: seconds since 1970.
        """
        every = [Best(self._vectors, probe, k, threshold) for probe in probes]
        usable = np.logical_and.reduce(np.isfinite(probes), axis=1).tolist()  # anything else is near nobody
        asked, best = list(itertools.compress(probes, usable)), list(itertools.compress(every, usable))
        local = self._local(venue)
        if local is not None:
            alive = local[self._valid_until[local] > at]
            self._crew.work(lambda number: best[number].compare(alive, self._named), len(best))
        else:
            passes = Passes(self._copies, self._crew, lambda rows: self._matches(rows, at, venue), self._named)
            scans = bool(self._copies.scans) and len(asked) <= FEW_PROBES * self._copies.halves.numbers
            left = passes.scan(asked, best) if scans else range(len(asked))
            passes.multiply([asked[number] for number in left], [best[number] for number in left])
            passes.settle(best)
        return [self._lasting(one.hits, at) for one in every]

    def _lasting(self, hits: list[Hit], at: float) -> list[Hit]:
        """Leave out what was removed since it was compared."""
        return [hit for hit in hits if (row := self.row(hit.key)) is not None and self._valid_until[row] > at]

    def _named(self, row: int) -> tuple[str, str]:
        return self._keys[row].decode(), self._subjects[row].decode()

    def _matches(self, rows: NDArray[np.intp], at: float, venue: str) -> NDArray[np.bool_]:
        """Say which rows have a consent that is live at a time and a venue."""
        live = self._valid_until[rows] > at
        return live & self._allowed(venue)[self._areas[rows]] if self._venue_sets else live

    def _allowed(self, venue: str) -> NDArray[np.bool_]:
        """Return by area, NOWHERE and EVERYWHERE last, whether it covers a venue."""
        covered = [venue in venues for venues in self._venue_sets]
        return np.array([*covered, False, True])

    def _local(self, venue: str) -> NDArray[np.intp] | None:
        """Return the rows in reach of a venue if they are few; None if they are many. Kept for the next search."""
        if not self._venue_sets:
            return None
        if venue not in self._reach:
            rows = np.flatnonzero(self._allowed(venue)[self._areas])
            self._reach[venue] = rows if len(rows) <= _GATHER * self.header.rows else None
            while len(self._reach) > _VENUES_KNOWN:
                self._reach.popitem(last=False)
        return self._reach.get(venue)

    def _bind(self) -> None:
        on = {name: section.on(self._view) for name, section in self._layout.sections.items()}
        self._vectors, self._rotation = on["vectors"], on["rotation"]
        self._bounds = on["bounds"]
        self._octets = tuple(on[f"octets {number}"] for number in range(len(widths_of(self.header.dimension))))
        self._valid_until, self._areas, self._by_key = on["valid_until"], on["areas"], on["by_key"]
        self._keys, self._subjects = on["keys"], on["subjects"]
        self._venue_sets = tuple(frozenset(venues) for venues in self.header.venue_sets)

    @cached_property
    def _copies(self) -> Copies:
        header, steps = self.header, Steps(self.header.step, self.header.residual)
        return Copies(
            header.groups, self._scans(), Halves.of(header.dimension), self._rotation, self._bounds,
            self._octets, steps,
        )  # fmt: skip

    def _scans(self) -> tuple[Scan, ...]:
        """The scan of each group's coarse copy; none where their layout does not fit the dimension."""
        if self.header.dimension % 4:
            return ()
        path, sections = f"/proc/self/fd/{self._descriptor}", self._layout.sections
        return tuple(
            Scan(
                path,
                Halves.of(self.header.dimension),
                (sections[f"codes {number}"].offset, group.stop - group.start, group.room),
            )
            for number, group in enumerate(self.header.groups)
        )

    def _overwrite(self, name: str, row: int, data: bytes) -> None:
        offset, size = self._layout.sections[name].row(row)
        assert len(data) == size
        os.pwrite(self._descriptor, data, offset)

    def _erase_codes(self, row: int) -> None:
        """Zero the half bytes of a row in its block; its neighbours keep theirs."""
        number = next(number for number, group in enumerate(self.header.groups) if row < group.stop)
        block, byte, shift = place(row - self.header.groups[number].start)
        offset, size = self._layout.sections[f"codes {number}"].row(block)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)  # two rows share a byte, and another process may remove the other
        try:
            codes = np.frombuffer(os.pread(self._descriptor, size, offset), dtype=np.uint8).reshape(-1, 16)
            for dimension, one in enumerate((codes[:, byte] & np.uint8(0xF0 >> shift)).tolist()):
                os.pwrite(self._descriptor, bytes([one]), offset + dimension * 16 + byte)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
