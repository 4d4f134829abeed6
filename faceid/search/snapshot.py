"""A frozen gallery in one file, searched exactly: nothing but removal ever changes it.

The file is mapped read-only. Rows are removed by writing over them in the file itself, so every process that maps it
loses them at the same moment: first the end of the consent becomes minus infinity, then the vector, both quantised
copies and the subject are zeros. Searches look at the consent before and after they compare.
"""

import fcntl
import itertools
import os
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faceid.search.columns import NOWHERE, Columns
from faceid.search.hits import Best, Hit
from faceid.search.layout import mapped
from faceid.search.nibbles import Levels, Scan, place
from faceid.search.octets import Steps, product, widths_of
from faceid.search.writing import write

FEW_PROBES = 3
"""Up to so many probes are scanned one by one; more are multiplied at once."""

_DEAD = -np.inf
_LOW = 0.15
"""Threshold below which the 4-bit copies rule so little out that the 8-bit ones are faster."""

_GATHER = 0.02
"""Share of rows in reach of a venue below which they are compared directly."""

_PRODUCT_BYTES = 1 << 20
"""Of rows multiplied at once, so that they and their products stay in the processor's cache."""

_COPY_FROM = 192
"""Numbers per row from which copying rows out of the mapping pays: its small pages slow the product down."""

_PRODUCT_PROBES = 32
_NARROW_FROM = 128
_VENUES_KNOWN = 256


class Snapshot:
    """Rows of one gallery under one embedding contract, mapped from a file."""

    _descriptor = -1
    _pool: ThreadPoolExecutor | None = None

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
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="gallery") if threads > 1 else None
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
        if self._pool is not None:
            self._pool.shutdown(wait=False)
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
        usable = np.array(
            [bool(np.isfinite(probe).all()) for probe in probes], dtype=bool
        )  # anything else is near nobody
        probes, best = probes[usable], list(itertools.compress(every, usable))
        local = self._local(venue)
        if local is not None:
            for one in best:
                one.compare(local[self._valid_until[local] > at], self._named)
        elif len(probes) <= FEW_PROBES and threshold >= _LOW and self._scans:
            for probe, one in zip(probes, best, strict=True):
                self._scan(probe, one, at, venue)
        else:
            for begin in range(0, len(probes), _PRODUCT_PROBES):
                end = begin + _PRODUCT_PROBES
                self._multiply(probes[begin:end], best[begin:end], at, venue)
        for probe, one in zip(probes, best, strict=True):
            self._settle(probe, one)
        return [self._lasting(one.hits, at) for one in every]

    def _scan(self, probe: NDArray[np.float32], best: Best, at: float, venue: str) -> None:
        """Rule rows out by their 4-bit copies, a small group first: what it finds rules out more of the others."""
        table = self._levels.table(probe)
        groups = self.header.groups
        if not all(table.safe(table.least(best.bar, group.residual), group.residual) for group in groups):
            self._multiply(probe[None], [best], at, venue)
            return

        def above(number: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
            return self._scans[number].above(probe, table.least(best.bar, groups[number].residual))

        # The very last group holds the worst copies, so it comes when the bar is highest; the one before is as small.
        order = [*range(len(groups) - 2, -1, -1), len(groups) - 1]
        others = map(above, order[1:]) if self._pool is None else self._pool.map(above, order[1:])
        for found, scores in itertools.chain([above(order[0])], others):
            keep = self._matches(found, at, venue)
            rows, sums = found[keep], scores[keep]
            highest = sums + (np.float32(table.length) * self._residuals[rows] + np.float32(table.error() + 1e-6))
            best.weigh(rows, highest, self._named)

    def _settle(self, probe: NDArray[np.float32], best: Best) -> None:
        """Compare what may still reach the bar; many rows only after a look at their 8-bit copies."""
        rows = best.rest()
        if len(rows) > _NARROW_FROM:
            made = self._steps.probe(probe)
            best.weigh(rows, made.highest(self._product(rows, made.integers[:, None])), self._named)
            rows = best.rest()
        best.compare(rows, self._named)

    def _multiply(self, probes: NDArray[np.float32], best: Sequence[Best], at: float, venue: str) -> None:
        """Rule rows out by products of their 8-bit copies with all probes, some rows first as in the scan."""
        made = [self._steps.probe(probe) for probe in probes]
        integers = np.ascontiguousarray(np.stack([one.integers for one in made], axis=1))
        rows = self.header.rows
        bounds = [0, rows // 64, rows // 8, rows]
        for begin, end in itertools.pairwise(bounds):
            leasts = np.array([one.least(its.bar) for one, its in zip(made, best, strict=True)], dtype=np.int32)
            found, products = self._spread(begin, end, integers, leasts)
            for number, one in enumerate(made):
                mine = found % len(made) == number
                reached = found[mine] // len(made)
                keep = self._matches(reached, at, venue)
                best[number].weigh(reached[keep], one.highest(products[mine][keep]), self._named)

    def _spread(
        self, begin: int, end: int, integers: NDArray[np.int8], leasts: NDArray[np.int32]
    ) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Spread :meth:`_products` over the threads of a search."""
        if self._pool is None:
            return self._products(begin, end, integers, leasts)
        bounds = np.linspace(begin, end, self._threads + 1).astype(int).tolist()
        parts = self._pool.map(
            lambda part: self._products(part[0], part[1], integers, leasts), itertools.pairwise(bounds)
        )
        places, values = zip(*parts, strict=True)
        return np.concatenate(places), np.concatenate(values)

    def _products(
        self, begin: int, end: int, integers: NDArray[np.int8], leasts: NDArray[np.int32]
    ) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Return ``row * probes + probe`` and the product wherever it is at least the probe's least."""
        count = len(leasts)
        step = _PRODUCT_BYTES // self._octets[0].shape[1]
        tiled = np.tile(leasts, step)
        places, values = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype=np.int32)]
        for start in range(begin, end, step):
            made = self._product(slice(start, min(end, start + step)), integers)
            reached = np.flatnonzero(made >= tiled[: len(made)])
            places.append(start * count + reached)
            values.append(made[reached])
        return np.concatenate(places), np.concatenate(values)

    def _product(self, rows: slice | NDArray[np.intp], integers: NDArray[np.int8]) -> NDArray[np.int32]:
        """Multiply some rows with all probes, part by part; the products of a row lie together."""
        multiply, left, total = product(), 0, None
        for part in self._octets:
            octets = part[rows]
            if isinstance(rows, slice) and part.shape[1] >= _COPY_FROM:
                octets = octets.copy()
            made = multiply(octets, integers[left : left + part.shape[1]])
            total = made if total is None else np.add(total, made, out=total)
            left += part.shape[1]
        assert total is not None
        return total.ravel()

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
        self._vectors, self._residuals = on["vectors"], on["residuals"]
        self._octets = tuple(on[f"octets {number}"] for number in range(len(widths_of(self.header.dimension))))
        self._valid_until, self._areas, self._by_key = on["valid_until"], on["areas"], on["by_key"]
        self._keys, self._subjects = on["keys"], on["subjects"]
        self._levels = Levels(on["centre"], on["spread"])
        self._steps = Steps(self.header.step, self.header.residual)
        self._venue_sets = tuple(frozenset(venues) for venues in self.header.venue_sets)

    @cached_property
    def _scans(self) -> tuple[Scan, ...]:
        """The scan of each group's 4-bit copy; none where their layout does not fit the dimension."""
        if self.header.dimension % 4:
            return ()
        path, sections = f"/proc/self/fd/{self._descriptor}", self._layout.sections
        return tuple(
            Scan(path, self._levels, (sections[f"codes {number}"].offset, group.stop - group.start, group.room))
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
