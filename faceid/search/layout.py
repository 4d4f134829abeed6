"""Where everything lies in the one file of a snapshot: a page of header, then columns, then the quantised copies."""

import itertools
import json
import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from faceid.errors import SnapshotUnusable
from faceid.search.columns import UNIT_TOLERANCE
from faceid.search.nibbles import BLOCK, Halves
from faceid.search.octets import widths_of

MAGIC = b"VGS3"
BOUND_ROWS = 1024
"""Neighbours that share a bound of their coarse copies: so few bounds stay in the processor's cache."""

_ALIGN = 64
_SIZE_BYTES = 8
_SMALLEST_GROUP = 4096
_SMALLEST_SHARE = 80
_LARGEST_SHARE = 8
"""A group is at most an eighth of the rows, so that two threads end at about the same time, and at least an 80th."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that lie together because their coarse copies are about equally far off.

    Attributes:
        start, stop: row numbers; start is a multiple of 32.
        kept, away: the least share of a vector that its copy keeps, and the greatest length of what a copy has across
            its vector (:mod:`faceid.search.nibbles`).
        longest: length of the longest copy.
    """

    start: int
    stop: int
    kept: float
    away: float
    longest: float

    @property
    def room(self) -> int:
        """Rows there is room for: whole blocks."""
        return -(-(self.stop - self.start) // BLOCK) * BLOCK


@dataclass(frozen=True, slots=True)
class Header:
    """What a snapshot says of itself.

    Attributes:
        contract: id of the embedding contract.
        stamp: what the content is as new as; numbers that only grow.
        rows, dimension: shape of the vectors.
        widths: bytes of a key and of a subject.
        step, residual: of the 8-bit copy.
        groups: of the coarse copy, in order of rows.
        venue_sets: distinct sets of venue ids.
    """

    contract: str
    stamp: tuple[int, ...]
    rows: int
    dimension: int
    widths: tuple[int, int]
    step: float
    residual: float
    groups: tuple[Group, ...]
    venue_sets: tuple[tuple[str, ...], ...]

    def to_bytes(self) -> bytes:
        """Return the header as it begins the file, padded to whole cache lines."""
        body = json.dumps(asdict(self)).encode()
        head = MAGIC + len(body).to_bytes(_SIZE_BYTES, "little") + body
        return head + bytes(-len(head) % _ALIGN)

    @classmethod
    def read(cls, view: mmap.mmap) -> tuple[Self, int]:
        """Return the header and where the columns begin.

        Raises:
            SnapshotUnusable: the file is no snapshot of this version.
        """
        begin = len(MAGIC) + _SIZE_BYTES
        try:
            if view[: len(MAGIC)] != MAGIC:
                raise ValueError("another kind of file")
            length = int.from_bytes(view[len(MAGIC) : begin], "little")
            fields: Mapping[str, Any] = json.loads(view[begin : begin + length])
            header = cls(
                contract=str(fields["contract"]), stamp=tuple(fields["stamp"]), rows=int(fields["rows"]),
                dimension=int(fields["dimension"]), widths=(fields["widths"][0], fields["widths"][1]),
                step=float(fields["step"]), residual=float(fields["residual"]),
                groups=tuple(Group(**group) for group in fields["groups"]),
                venue_sets=tuple(tuple(venues) for venues in fields["venue_sets"]),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise SnapshotUnusable(
                "The file is no gallery snapshot.", expected=f"a file that begins with {MAGIC!r}.",
                remedy="Delete it; the next process that needs one writes it anew.",
            ) from error  # fmt: skip
        end = begin + length
        return header, end + (-end % _ALIGN)


@dataclass(frozen=True, slots=True)
class Section:
    """One array of the file."""

    offset: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """Bytes it takes."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def row(self, number: int) -> tuple[int, int]:
        """Return offset and size in bytes of one row."""
        each = self.size // max(1, self.shape[0])
        return self.offset + number * each, each

    def on(self, view: mmap.mmap) -> NDArray[Any]:
        """Return the array on a mapping of the file."""
        count = int(np.prod(self.shape, dtype=np.int64))
        return np.frombuffer(view, dtype=self.dtype, count=count, offset=self.offset).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Layout:
    """The arrays of a snapshot.

    Attributes:
        sections: by name; ``codes 0``, ``ids 0`` … belong to the groups.
        size: of the file in bytes.
    """

    sections: Mapping[str, Section]
    size: int

    @classmethod
    def of(cls, header: Header, begin: int) -> Self:
        """Lay out a snapshot whose columns begin at a byte of the file."""
        sections: dict[str, Section] = {}
        end = begin
        for name, shape, dtype in _arrays(header):
            sections[name] = Section(end, shape, dtype)
            end += sections[name].size
            end += -end % _ALIGN
        return cls(sections, end)


def mapped(descriptor: int) -> tuple[mmap.mmap, Header, Layout]:
    """Map a snapshot read-only, and read where everything lies.

    Raises:
        SnapshotUnusable: the file is no snapshot of this version.
    """
    size = os.fstat(descriptor).st_size
    if size == 0:
        raise SnapshotUnusable(
            "The file is empty.", expected="a gallery snapshot.", remedy="Delete it; it is written anew."
        )
    view = mmap.mmap(descriptor, size, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE, prot=mmap.PROT_READ)
    with suppress(OSError):  # where the system offers large pages for files in memory, the scans are faster
        view.madvise(mmap.MADV_HUGEPAGE)
    try:
        header, begin = Header.read(view)
        layout = Layout.of(header, begin)
        if layout.size != size:
            raise SnapshotUnusable(
                f"The file has {size} bytes.", expected=f"{layout.size}.", remedy="Delete it; it is written anew."
            )
    except SnapshotUnusable:
        view.close()
        raise
    return view, header, layout


def groups_of(kept: NDArray[np.float32], away: NDArray[np.float32]) -> tuple[Group, ...]:
    """Divide rows, the worst copies last, so that few rows share these, and none is too large for one thread.

    Args:
        kept, away: of the rows' coarse copies, shape (n,).
    """
    bounds, total = [0], len(kept)
    largest = max(total // _LARGEST_SHARE // BLOCK * BLOCK, BLOCK)
    while (half := (total - bounds[-1]) // 2 // BLOCK * BLOCK) >= max(_SMALLEST_GROUP, total // _SMALLEST_SHARE):
        bounds.append(bounds[-1] + min(half, max(largest, _SMALLEST_GROUP)))
    bounds.append(total)
    return tuple(
        Group(
            start, stop, float(kept[start:stop].min()), float(away[start:stop].max()),
            float((np.abs(kept[start:stop]) * (1 + UNIT_TOLERANCE) + away[start:stop]).max()),
        )
        for start, stop in itertools.pairwise(bounds)
    )  # fmt: skip


def _arrays(header: Header) -> Iterator[tuple[str, tuple[int, ...], str]]:
    rows, dimension, lookups = header.rows, header.dimension, Halves.of(header.dimension).lookups
    yield "vectors", (rows, dimension), "<f4"
    for number, width in enumerate(widths_of(dimension)):
        yield f"octets {number}", (rows, width), "u1"
    yield "bounds", (-(-rows // BOUND_ROWS), 2), "<f4"
    yield "valid_until", (rows,), "<f8"
    yield "areas", (rows,), "<i4"
    yield "by_key", (rows,), "<i8"
    yield "keys", (rows,), f"S{header.widths[0]}"
    yield "subjects", (rows,), f"S{header.widths[1]}"
    yield "rotation", (dimension, dimension), "<f4"
    for number, group in enumerate(header.groups):
        # The scan expects the ids right behind the room for codes, which is a multiple of 16 bytes.
        yield f"codes {number}", (group.room // BLOCK, lookups, 16), "u1"
        yield f"ids {number}", (group.stop - group.start,), "<i8"
