"""Writing a snapshot: order the rows, make the quantised copies, fill the file."""

import mmap
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faceid.search.columns import Columns
from faceid.search.layout import Header, Layout, groups_of
from faceid.search.nibbles import BLOCK, Levels, packed
from faceid.search.octets import Steps, widths_of

_SAMPLE = 65_536
_CHUNK = 16_384


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
    levels = Levels.fitted(columns.vectors[:: max(1, len(columns) // _SAMPLE)])
    codes, residuals = _encoded(columns.vectors, levels)
    order = np.argsort(residuals, kind="stable")
    residuals = residuals[order]
    steps = Steps.fitted(columns.vectors)
    header = Header(
        contract=contract, stamp=tuple(int(number) for number in stamp), rows=len(columns),
        dimension=columns.vectors.shape[1], widths=(columns.keys.itemsize, columns.subjects.itemsize),
        step=steps.step, residual=steps.residual, groups=groups_of(residuals),
        venue_sets=tuple(tuple(sorted(venues)) for venues in columns.venue_sets),
    )  # fmt: skip
    head = header.to_bytes()
    layout = Layout.of(header, len(head))
    os.posix_fallocate(descriptor, 0, layout.size)  # no room is an error here, and a crash on a mapping
    with mmap.mmap(descriptor, layout.size) as view:
        view[: len(head)] = head
        _fill(view, layout, columns, order)
        _put(view, layout, "residuals", residuals)
        _put(view, layout, "centre", levels.centre)
        _put(view, layout, "spread", levels.spread)
        for begin in range(0, len(columns), _CHUNK):
            rows = order[begin : begin + _CHUNK]
            vectors = columns.vectors[rows]
            _put(view, layout, "vectors", vectors, begin)
            _put_octets(view, layout, steps.encode(vectors), begin)
        for number, group in enumerate(header.groups):
            _put(view, layout, f"codes {number}", _blocks(codes[order[group.start : group.stop]], group.room))
            _put(view, layout, f"ids {number}", np.arange(group.start, group.stop))


def _encoded(vectors: NDArray[np.float32], levels: Levels) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    codes = np.empty(vectors.shape, dtype=np.uint8)
    residuals = np.empty(len(vectors), dtype=np.float32)
    for begin in range(0, len(vectors), _CHUNK):
        part = vectors[begin : begin + _CHUNK]
        codes[begin : begin + _CHUNK] = levels.encode(part)
        residuals[begin : begin + _CHUNK] = levels.residuals(part, codes[begin : begin + _CHUNK])
    return codes, residuals


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
