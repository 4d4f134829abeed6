"""Writing a snapshot: order the rows, make the quantised copies, fill the file."""

import mmap
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faceid.search.columns import Columns
from faceid.search.layout import BOUND_ROWS, Header, Layout, groups_of
from faceid.search.nibbles import BLOCK, Halves, packed, rotation_of
from faceid.search.octets import Steps, widths_of

_CHUNK = 16_384
_CODED = 2_048
"""Rows turned and measured at once: what that needs stays in the processor's cache."""


def write(columns: Columns, descriptor: int, *, contract: str, stamp: Sequence[int] = ()) -> None:
    """Write a snapshot of columns into an empty file, readable and writable.

    Args:
        columns: at least one row; they are written in another order.
        descriptor: of the file.
        contract, stamp: see :class:`faceid.search.layout.Header`.

    Raises:
        ValueError: there are no rows, or columns no gallery may hold.
        OSError: there is no room.
    """
    columns.check()
    if not len(columns):
        raise ValueError("A snapshot has at least one row.")
    rotation = rotation_of(columns.vectors.shape[1])
    codes, kept, away = _encoded(columns.vectors, rotation)
    order = np.argsort(away - kept, kind="stable")
    kept, away = kept[order], away[order]
    steps, octets = Steps.fitted(columns.vectors)
    header = Header(
        contract=contract, stamp=tuple(int(number) for number in stamp), rows=len(columns),
        dimension=columns.vectors.shape[1], widths=(columns.keys.itemsize, columns.subjects.itemsize),
        step=steps.step, residual=steps.residual, groups=groups_of(kept, away),
        venue_sets=tuple(tuple(sorted(venues)) for venues in columns.venue_sets),
    )  # fmt: skip
    head = header.to_bytes()
    layout = Layout.of(header, len(head))
    os.posix_fallocate(descriptor, 0, layout.size)  # no room is an error here, and a crash on a mapping
    with mmap.mmap(descriptor, layout.size) as view:
        view[: len(head)] = head
        _fill(view, layout, columns, order)
        starts = np.arange(0, len(columns), BOUND_ROWS)
        bounds = np.minimum.reduceat(kept, starts), np.maximum.reduceat(away, starts)
        _put(view, layout, "bounds", np.stack(bounds, axis=1))
        _put(view, layout, "rotation", rotation)
        for begin in range(0, len(columns), _CHUNK):
            rows = order[begin : begin + _CHUNK]
            _put(view, layout, "vectors", columns.vectors[rows], begin)
            _put_octets(view, layout, octets[rows], begin)
        for number, group in enumerate(header.groups):
            _put(view, layout, f"codes {number}", _blocks(codes[order[group.start : group.stop]], group.room))
            _put(view, layout, f"ids {number}", np.arange(group.start, group.stop))


def _encoded(
    vectors: NDArray[np.float32], rotation: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    halves, count = Halves.of(vectors.shape[1]), len(vectors)
    codes = np.empty((count, halves.lookups), dtype=np.uint8)
    kept, away = np.empty(count, dtype=np.float32), np.empty(count, dtype=np.float32)
    for begin in range(0, count, _CODED):
        part = slice(begin, begin + _CODED)
        turned = vectors[part] @ rotation
        codes[part] = halves.encode(turned)
        kept[part], away[part] = halves.measured(turned, codes[part])
    return codes, kept, away


def _fill(view: mmap.mmap, layout: Layout, columns: Columns, order: NDArray[np.intp]) -> None:
    _put(view, layout, "keys", columns.keys[order])
    _put(view, layout, "subjects", columns.subjects[order])
    _put(view, layout, "valid_until", columns.valid_until[order])
    _put(view, layout, "areas", columns.areas[order])
    _put(view, layout, "by_key", np.argsort(columns.keys[order], kind="stable"))


def _blocks(codes: NDArray[np.uint8], room: int) -> NDArray[np.uint8]:
    """Return packed codes; rows that fill up the last block stay zero, and the scan leaves them out."""
    full = np.zeros((room, codes.shape[1]), dtype=np.uint8)
    full[: len(codes)] = codes
    assert room % BLOCK == 0
    return packed(full)


def _put_octets(view: mmap.mmap, layout: Layout, codes: NDArray[np.uint8], begin: int) -> None:
    left = 0
    for number, width in enumerate(widths_of(codes.shape[1])):
        _put(view, layout, f"octets {number}", codes[:, left : left + width], begin)
        left += width


def _put(view: mmap.mmap, layout: Layout, name: str, values: NDArray[np.generic], begin: int = 0) -> None:
    """Copy values into a section, from one of its rows on; nothing keeps pointing into the mapping."""
    section = layout.sections[name]
    offset, _ = section.row(begin)
    data = np.ascontiguousarray(values, dtype=section.dtype)
    view[offset : offset + data.nbytes] = data.tobytes()
