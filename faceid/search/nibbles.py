"""A coarse copy in half bytes, an eighth the size of the vectors or less, scanned for a few probes at memory speed.

The vectors are turned by a rotation drawn at random for each snapshot. After it the numbers of *any* unit vector are
nearly normal with variance 1 / dimension. Each is replaced by the nearest level for that (Max, IRE Trans. Inf. Theory
6(1), 1960): of 16 levels, or in wide vectors of four, so that two numbers share a half byte. faiss
scans this copy by table look-ups in registers (André, Kermarrec, Le Scouarnec: "Quick ADC", ICMR 2017).

What the copy is off by depends on the rotation, so almost nothing at or above a threshold is missed. Let x be a
template, x' its copy, q the probe, all turned, and split the copy into a part along x and the rest:
``x' = kept x + away`` with ``kept = x.x' / |x|^2``, both measured when the copy is made. Then

``q.x' = kept (q.x) + q.away``.

As the rotation is random and the levels are fixed, the part of q across x points anywhere across x with the same
chance, whatever x, its copy and the angle between q and x are. So ``q.away`` is a coordinate of a random point of a
sphere in dimension - 1, of standard deviation ``sqrt(|q|^2 - (q.x)^2 / |x|^2) |away| / sqrt(dimension - 1)``, and its
tail is lighter than a normal one (Gao and Long, "RaBitQ", SIGMOD 2024, section 3.2, argue the same way for one bit per
number). The scan keeps its table in 8 bits, ``round(a (t - min t))`` with one scale a = min(255 / largest span of an
entry, 65535 / sum of spans); a look-up is off by at most 1 / 2a, so the sum of all has a standard deviation of at most
``sqrt(look-ups) / 2a`` if look-ups round independently. Hence a row with ``q.x`` of exactly the threshold has a sum
below ``kept threshold - 5.5 deviations`` with a probability of about 2e-8 (:data:`DEVIATIONS`), and one that is nearer
to the probe less often by far. One more unit of 1 / a covers that the scan cuts the threshold to an integer and
leaves out equality. The sums are kept in 16 bits; they cannot overflow unless :meth:`Table.safe` says so, and then
another way is taken.
"""

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from faceid.search.columns import UNIT_TOLERANCE

BLOCK = 32
"""Rows that the scan handles at once; groups of rows begin at multiples of it."""

DEVIATIONS = 5.5
"""Standard deviations a row may be off by before it is missed: one in 53 million that just reach the threshold."""

_WIDE = 512
"""Numbers from which two share a half byte: the more there are, the less their sum is off by."""

_HALF = np.array([0.1284, 0.3881, 0.6568, 0.9424, 1.2562, 1.6181, 2.0690, 2.7326], dtype=np.float32)
_LEVELS: dict[int, NDArray[np.float32]] = {
    1: np.concatenate([-_HALF[::-1], _HALF]),
    2: np.array([-1.5104, -0.4528, 0.4528, 1.5104], dtype=np.float32),
}
"""By numbers in a half byte: the levels of least squared error for a standard normal variable (Max, table I)."""

_LEAST_KEPT = 0.1
"""Threshold left by all that may be off, below which the scan rules too little out to be worth it."""

_BINS_PER_SPREAD = np.float32(40)
_LEVEL_OF_BIN: dict[int, NDArray[np.uint8]] = {
    numbers: np.searchsorted((levels[1:] + levels[:-1]) / 2, (np.arange(256) - 127.5) / _BINS_PER_SPREAD).astype(
        np.uint8
    )
    for numbers, levels in _LEVELS.items()
}
"""Levels by a fine grid: ten times as fast as a search among 16, and what it costs is measured with the rest."""

_ORDER = np.array([0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15])
"""Order of the rows of half a block within 16 bytes, as the scan's registers want it."""

_ROUNDING = 1e-5
"""Room for float32 arithmetic in tables and measures, far above what it can be off by."""


def rotation_of(dimension: int) -> NDArray[np.float32]:
    """Draw a rotation, or one with a reflection, each as likely as any other: float32, shape (dimension, dimension).

    Nobody can know it before it is drawn, so nobody can choose vectors that it suits badly. Source: Stewart, SIAM
    Journal on Numerical Analysis 17(3), 1980.
    """
    turned, triangle = np.linalg.qr(np.random.default_rng().standard_normal((dimension, dimension)))
    rotation: NDArray[np.float32] = (turned * np.sign(np.diag(triangle))).astype(np.float32)
    return rotation


@dataclass(frozen=True, slots=True)
class Halves:
    """How turned vectors are put into half bytes.

    Attributes:
        dimension: numbers of a vector.
        numbers: in a half byte, 1 or 2.
    """

    dimension: int
    numbers: int

    @classmethod
    def of(cls, dimension: int) -> "Halves":
        """Choose for vectors of a dimension."""
        return cls(dimension, 2 if dimension >= _WIDE and dimension % 8 == 0 else 1)

    @property
    def lookups(self) -> int:
        """Half bytes of a row."""
        return self.dimension // self.numbers

    def centroids(self) -> NDArray[np.float32]:
        """Return what the 16 half bytes stand for, float32, shape (16, numbers)."""
        bits = 4 // self.numbers
        levels = np.arange(16)[:, None] >> (bits * np.arange(self.numbers)) & (1 << bits) - 1
        values: NDArray[np.float32] = _LEVELS[self.numbers][levels] / np.float32(np.sqrt(self.dimension))
        return values

    def encode(self, turned: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the half bytes of turned vectors, nearest give or take, 0 to 15, uint8, shape (n, lookups)."""
        bins = turned * (_BINS_PER_SPREAD * np.float32(np.sqrt(self.dimension))) + np.float32(128)
        levels: NDArray[np.uint8] = _LEVEL_OF_BIN[self.numbers][np.clip(bins, 0, 255).astype(np.uint8)]
        if self.numbers == 1:
            return levels
        codes = np.zeros((len(turned), self.lookups), dtype=np.uint8)
        for place in range(self.numbers):
            codes |= levels[:, place :: self.numbers] << np.uint8(4 // self.numbers * place)
        return codes

    def decode(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what half bytes stand for, float32, shape (n, dimension)."""
        values: NDArray[np.float32] = self.centroids().take(codes, axis=0).reshape(len(codes), self.dimension)
        return values

    def measured(
        self, turned: NDArray[np.float32], codes: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return how much of each vector its copy keeps, and the length of what the copy has across it.

        Returns:
            kept and away, float32, shape (n,); away rounded upwards.
        """
        copies = self.decode(codes)
        squares = np.einsum("ij,ij->i", turned, turned)
        kept = np.einsum("ij,ij->i", turned, copies) / squares
        copies -= kept[:, None] * turned
        away = np.sqrt(np.einsum("ij,ij->i", copies, copies)) + np.float32(1e-6)
        return kept.astype(np.float32), away.astype(np.float32)

    def table(self, turned: NDArray[np.float32]) -> "Table":
        """Return what the scan's table for a turned probe is like."""
        sizes = np.abs(turned.astype(np.float64)).reshape(-1, self.numbers).sum(axis=1)
        spans = sizes * 2 * float(_LEVELS[self.numbers][-1]) / np.sqrt(self.dimension)
        widest, total = float(spans.max(initial=0.0)), float(spans.sum())
        scale = min(255 / widest, 65535 / total) if widest > 0 else 0.0
        return Table(float(np.linalg.norm(turned)), scale, total / 2, self.lookups, self.dimension)


@dataclass(frozen=True, slots=True)
class Table:
    """What the bound needs to know of a probe's table.

    Attributes:
        length: of the probe.
        scale: steps of the table per unit of score.
        reach: score of the greatest sum; the least is its negative.
        lookups: per row.
        dimension: numbers per row.
    """

    length: float
    scale: float
    reach: float
    lookups: int
    dimension: int

    def least(self, threshold: float, kept: float, away: float) -> float:
        """Return the sum that rows at or above a threshold have at least, but for one in 53 million.

        Args:
            threshold: cosine.
            kept, away: the least and the greatest of the rows.
        """
        across, table, unit = self._variances(threshold)
        return threshold * kept - DEVIATIONS * math.sqrt(across * away * away + table) - unit

    def leasts(self, threshold: float, bounds: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return :meth:`least` of many kept and away, float32, shape (n, 2)."""
        across, table, unit = self._variances(threshold)
        kept, away = bounds.T
        sums: NDArray[np.float32] = kept * threshold - DEVIATIONS * np.sqrt(away * away * across + table) - unit
        return sums

    def safe(self, threshold: float, kept: float, away: float, longest: float) -> bool:
        """Return whether a scan of such rows is worth it, and neither sums nor thresholds leave 16 bits.

        Args:
            longest: length of the longest copy.
        """
        if self.scale == 0.0 or not threshold < np.inf:
            return False
        least = self.least(threshold, kept, away)
        highest = max(self.length * longest, least) + (self.lookups / 2 + 1) / self.scale
        return least >= _LEAST_KEPT * kept * self.length and (highest + self.reach) * self.scale < 65535

    def _variances(self, threshold: float) -> tuple[float, float, float]:
        """Return the variance of a sum per square of ``away``, that of the table's rounding, and what is certain."""
        across = max(self.length**2 - (threshold / (1 + UNIT_TOLERANCE)) ** 2, 0.0) / (self.dimension - 1)
        return across, self.lookups / (4 * self.scale**2), 1 / self.scale + _ROUNDING


def packed(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Arrange codes as the scan reads them.

    Args:
        codes: 0 to 15, uint8, shape (n, lookups), n a multiple of 32 and lookups even.

    Returns:
        uint8, shape (n / 32, lookups, 16): per block and look-up the codes of 32 rows, two to a byte.
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

    def __init__(self, path: str, halves: Halves, place: tuple[int, int, int]) -> None:
        """Map the codes of one group.

        Args:
            path: of the file.
            halves: how vectors were put into half bytes.
            place: offset in bytes, rows, and rows there is room for: codes first, ids behind the room.
        """
        offset, rows, room = place
        dimension, lookups = halves.dimension, halves.lookups
        self._lists = _mapped(path, lookups // 2, offset, rows, room)
        self._coarse = faiss.IndexFlatIP(dimension)  # one list, which every probe is sent to
        self._coarse.add(np.zeros((1, dimension), dtype=np.float32))
        self._index = faiss.IndexIVFPQFastScan(self._coarse, dimension, 1, lookups, 4, faiss.METRIC_INNER_PRODUCT)
        self._index.by_residual, self._index.is_trained = False, True
        centroids = np.tile(halves.centroids(), (lookups, 1, 1))
        faiss.copy_array_to_vector(np.ascontiguousarray(centroids, dtype=np.float32).ravel(), self._index.pq.centroids)
        self._index.replace_invlists(self._lists, False)
        self._index.ntotal = rows

    def above(
        self, turned: NDArray[np.float32], leasts: NDArray[np.float64]
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Return for each probe the rows whose sum is above its least, and their sums.

        Args:
            turned: the probes, float32, shape (n, dimension). Two at once take as long as one and a half.
            leasts: of the probes, greater than 0, shape (n,).
        """
        # One radius serves all probes: each is measured in its own least. Nothing else changes, for the tables are
        # scaled to the probes.
        with _alone():
            ends, sums, rows = self._index.range_search((turned / leasts[:, None]).astype(np.float32), 1.0)
        parts = [slice(int(begin), int(end)) for begin, end in itertools.pairwise(ends)]
        return [
            (rows[part], sums[part] * np.float32(least)) for part, least in zip(parts, leasts.tolist(), strict=True)
        ]


@contextmanager
def _alone() -> Iterator[None]:
    """Keep faiss from sharing the probes between threads of its own: the crew's threads call it."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


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
