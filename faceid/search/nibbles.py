"""Four bits per number: a copy an eighth the size of the vectors, scanned for one probe at memory speed.

Every number is replaced by the nearest of 16 levels (Lloyd's and Max's for a normal distribution, moved and scaled per
dimension). faiss scans the copy by table look-ups in registers (André, Kermarrec, Le Scouarnec: "Quick ADC", ICMR
2017). What that may be off by is bounded, so nothing at or above a threshold is ever missed:

Let x be a template, x' its copy, q the probe, and s(x') the sum that the scan computes. Then

1. ``|q.x - q.x'| <= |q| |x - x'|`` (Cauchy and Schwarz). ``|x - x'|`` is measured when the copy is made; ``residual``
   is its largest value in a group of rows.
2. ``q.x' = sum over i of t[i, code i]`` with a table of 16 products per dimension. The scan holds the table in 8 bits:
   ``round(a (t - min t))`` with one scale a = min(255 / largest span of a dimension, 65535 / sum of spans). Each
   look-up is off by at most 1 / 2a, so ``|s(x') - q.x'| <= dimension / 2a``.

Hence ``q.x >= threshold`` implies ``s(x') >= threshold - |q| residual - dimension / 2a``. One more unit of 1 / a
covers that the scan cuts the threshold to an integer and leaves out equality. The sums are kept in 16 bits; they
cannot overflow for any copy of a unit vector unless :meth:`Table.safe` says so, and then another way is taken.
"""

from dataclasses import dataclass
from typing import Self

import faiss
import numpy as np
from numpy.typing import NDArray

from faceid.search.columns import UNIT_TOLERANCE

BLOCK = 32
"""Rows that the scan handles at once; groups of rows begin at multiples of it."""

_HALF = np.array([0.1284, 0.3881, 0.6568, 0.9424, 1.2562, 1.6181, 2.0690, 2.7326], dtype=np.float32)
LEVELS: NDArray[np.float32] = np.concatenate([-_HALF[::-1], _HALF])
"""The 16 levels of least squared error for a standard normal variable: Max, IRE Trans. Inf. Theory 6(1), 1960,
table I."""

_BINS_PER_SPREAD = np.float32(40)
_CODE_OF_BIN: NDArray[np.uint8] = np.searchsorted(
    (LEVELS[1:] + LEVELS[:-1]) / 2, (np.arange(256) - 127.5) / _BINS_PER_SPREAD
).astype(np.uint8)
"""Codes by a fine grid: ten times as fast as a search among 16 levels, and the bound measures what it costs."""

_ORDER = np.array([0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15])
"""Order of the rows of half a block within 16 bytes, as the scan's registers want it."""

_ROUNDING = 1e-5
"""Room for float32 arithmetic in tables and residuals, far above what it can be off by."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The 16 levels of every dimension.

    Attributes:
        centre, spread: of each dimension, float32, shape (dimension,).
    """

    centre: NDArray[np.float32]
    spread: NDArray[np.float32]

    @classmethod
    def fitted(cls, vectors: NDArray[np.float32]) -> Self:
        """Fit the levels to a sample of vectors, shape (n, dimension) with n >= 1."""
        spread = np.maximum(vectors.std(axis=0), np.float32(1e-6))
        return cls(vectors.mean(axis=0).astype(np.float32), spread.astype(np.float32))

    def encode(self, vectors: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the number of the level nearest to each number, give or take, 0 to 15, uint8, same shape."""
        bins = (vectors - self.centre) * (_BINS_PER_SPREAD / self.spread) + np.float32(128)
        codes: NDArray[np.uint8] = _CODE_OF_BIN[np.clip(bins, 0, 255).astype(np.uint8)]
        return codes

    def decode(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what codes stand for, float32, same shape."""
        values: NDArray[np.float32] = self.centre + self.spread * LEVELS[codes]
        return values

    def residuals(self, vectors: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the distance of each vector from its copy, float32, shape (n,), rounded upwards."""
        distances: NDArray[np.float32] = np.linalg.norm(vectors - self.decode(codes), axis=1)
        return distances + np.float32(1e-6)

    def table(self, probe: NDArray[np.float32]) -> "Table":
        """Return what the scan's table for a probe is like."""
        spans = np.abs(probe.astype(np.float64) * self.spread) * float(LEVELS[-1] - LEVELS[0])
        lowest = float(np.sum(probe.astype(np.float64) * self.centre) - spans.sum() / 2)
        widest, total = float(spans.max(initial=0.0)), float(spans.sum())
        scale = min(255 / widest, 65535 / total) if widest > 0 else 0.0
        return Table(float(np.linalg.norm(probe)), scale, lowest, len(probe))


@dataclass(frozen=True, slots=True)
class Table:
    """What the bound needs to know of a probe's table.

    Attributes:
        length: of the probe.
        scale: steps of the table per unit of score.
        lowest: score of the least sum.
        dimension: look-ups per row.
    """

    length: float
    scale: float
    lowest: float
    dimension: int

    def least(self, threshold: float, residual: float) -> float:
        """Return the sum below which no row of such a residual can reach the threshold."""
        return threshold - self.length * residual - self.error()

    def error(self) -> float:
        """Return what the sums may be off by; infinity for a probe of zeros."""
        if self.scale == 0.0:
            return np.inf
        return (self.dimension / 2 + 1) / self.scale + _ROUNDING

    def safe(self, least: float, residual: float) -> bool:
        """Return whether neither the sums of unit vectors nor the threshold ``least`` leave 16 bits."""
        if self.scale == 0.0 or least == -np.inf:
            return False
        highest = self.length * (1 + UNIT_TOLERANCE + residual) + self.error()
        return least > self.lowest + 1 / self.scale and (highest - self.lowest) * self.scale < 65535


def packed(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Arrange codes as the scan reads them.

    Args:
        codes: 0 to 15, uint8, shape (n, dimension), n a multiple of 32 and dimension even.

    Returns:
        uint8, shape (n / 32, dimension, 16): per block and dimension the codes of 32 rows, two to a byte.
    """
    blocks = codes.reshape(-1, BLOCK, codes.shape[1])
    pairs = blocks[:, _ORDER] | (blocks[:, _ORDER + 16] << 4)
    return np.ascontiguousarray(pairs.transpose(0, 2, 1))


def place(row: int) -> tuple[int, int, int]:
    """Return where a row lies in packed codes: its block, its byte among 16, and the shift of its half byte."""
    block, within = divmod(row, BLOCK)
    return block, int(np.argmax(np.equal(_ORDER, within % 16))), 4 * (within // 16)


class Scan:
    """faiss's scan over packed codes that lie in a file.

    The file is mapped by faiss itself, so that processes share its pages. Searching changes nothing and may happen in
    any number of threads.
    """

    def __init__(self, path: str, levels: Levels, place: tuple[int, int, int]) -> None:
        """Map the codes of one group.

        Args:
            path: of the file.
            levels: what the codes stand for.
            place: offset in bytes, rows, and rows there is room for: codes first, ids behind the room.
        """
        offset, rows, room = place
        dimension = len(levels.centre)
        self._lists = _mapped(path, dimension // 2, offset, rows, room)
        self._coarse = faiss.IndexFlatIP(dimension)  # one list, which every probe is sent to
        self._coarse.add(np.zeros((1, dimension), dtype=np.float32))
        self._index = faiss.IndexIVFPQFastScan(self._coarse, dimension, 1, dimension, 4, faiss.METRIC_INNER_PRODUCT)
        self._index.by_residual, self._index.is_trained = False, True
        centroids = levels.centre[:, None] + levels.spread[:, None] * LEVELS
        faiss.copy_array_to_vector(np.ascontiguousarray(centroids, dtype=np.float32).ravel(), self._index.pq.centroids)
        self._index.replace_invlists(self._lists, False)
        self._index.ntotal = rows

    def above(self, probe: NDArray[np.float32], least: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows whose sum is above ``least``, and their sums."""
        _, sums, rows = self._index.range_search(probe[None], least)
        return rows, sums


def _mapped(path: str, code_size: int, offset: int, rows: int, room: int) -> faiss.OnDiskInvertedLists:
    lists = faiss.OnDiskInvertedLists()
    lists.filename, lists.nlist, lists.code_size = path, 1, code_size
    lists.read_only, lists.prefetch_nthread = True, 0
    lists.totsize = offset + room * code_size + rows * 8
    one = faiss.OnDiskOneList()
    one.offset, one.size, one.capacity = offset, rows, room
    lists.lists.push_back(one)  # type: ignore[attr-defined]  # a C++ vector, whatever the stub says
    lists.do_mmap()
    return lists
