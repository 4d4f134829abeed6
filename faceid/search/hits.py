"""The best subjects found so far, and the bar that whatever else may join them has to reach."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from faceid.match import Match
from faceid.search.columns import UNIT_TOLERANCE

_ROWS = 4096
FIRST = 16
"""Most promising rows compared first, so that the bar rules most of the others out."""

_FLOAT_ROUNDING = 2.0**-24
"""What one operation in float32 may be off by, as a share."""

Named = Callable[[int], tuple[str, str]]
"""Returns key and subject of a row."""


class Hit(NamedTuple):
    """A template at or above the threshold: its cosine, its id and its subject's."""

    score: float
    key: str
    subject: str

    @property
    def match(self) -> Match:
        """The hit as the library's users see it."""
        return Match(self.key, self.subject, max(-1.0, min(1.0, self.score)))


class Best:
    """The k best subjects for one probe, each with its nearest template.

    Nothing below :attr:`bar` can change the answer: once k subjects are found, the worst of them is the bar.
    Threads may add to it at the same time; one that reads a bar of a moment ago compares some rows too many.
    """

    def __init__(self, vectors: NDArray[np.float32], probe: NDArray[np.float32], k: int, threshold: float) -> None:
        """Begin with nobody.

        Args:
            vectors: float32, shape (n, dimension); what row numbers refer to.
            probe: float32, shape (dimension,).
        """
        self.bar = threshold
        self.hits: list[Hit] = []
        self.vectors = vectors
        self.probe = probe
        self._k = k
        self._lock = threading.Lock()
        self._kept: list[tuple[NDArray[np.intp], NDArray[np.floating]]] = []

    def weigh(self, rows: NDArray[np.intp], highest: NDArray[np.floating], named: Named) -> None:
        """Compare the most promising rows, and keep the others that may reach the bar for :meth:`rest`.

        Args:
            rows: row numbers.
            highest: a cosine that each row certainly does not exceed, same shape.
        """
        rows, highest = _kept(rows, highest, self.bar)
        if len(rows) > FIRST:
            order = np.argpartition(highest, len(rows) - FIRST)
            first, others = order[-FIRST:], order[:-FIRST]
            self._kept.append((rows[others], highest[others]))
            rows = rows[first]
        self.compare(rows, named)

    def rest(self) -> NDArray[np.intp]:
        """Hand over the rows that were kept and may still reach the bar, which has risen meanwhile."""
        kept = [_kept(rows, highest, self.bar)[0] for rows, highest in self._kept]
        self._kept.clear()
        return np.concatenate(kept) if kept else np.empty(0, dtype=np.intp)

    def compare(self, rows: NDArray[np.intp], named: Named) -> None:
        """Compare rows exactly."""
        compare([self], rows, np.zeros(len(rows), dtype=np.intp), named)

    def add(self, rows: NDArray[np.intp], scores: NDArray[np.float64], named: Named) -> None:
        """Take note of rows and their cosines."""
        found: dict[str, Hit] = {}
        # A tie goes to the lesser key, so the last rows that tie with the k-th subject have to be looked at, too.
        for place in np.argsort(-scores, kind="stable"):
            score = float(scores[place])
            if len(found) >= self._k and score < min(hit.score for hit in found.values()):
                break
            key, subject = named(int(rows[place]))
            if subject not in found or (found[subject].score == score and key < found[subject].key):
                found[subject] = Hit(score, key, subject)
        if found:
            self._add(found.values())

    def _add(self, found: Iterable[Hit]) -> None:
        with self._lock:
            self.hits = ordered([*self.hits, *found], self._k)
            if len(self.hits) == self._k:
                self.bar = max(self.bar, self.hits[-1].score)


def compare(best: Sequence[Best], rows: NDArray[np.intp], of: NDArray[np.intp], named: Named) -> None:
    """Compare rows exactly, each with one of some probes.

    Args:
        best: of the probes, all of one gallery.
        rows: row numbers.
        of: number of each row's probe, ascending, same shape.
    """
    probes, bars = np.stack([one.probe for one in best]), np.array([one.bar for one in best])
    places, scores = reaching(best[0].vectors, rows, probes, of, bars)
    ends = np.searchsorted(of[places], np.arange(1, len(best)))
    for one, its, what in zip(best, np.split(rows[places], ends), np.split(scores, ends), strict=True):
        if len(its):
            one.add(its, what, named)


def ordered(hits: Iterable[Hit], k: int) -> list[Hit]:
    """Return the k best of some hits, each subject once; equal scores in order of keys."""
    best: dict[str, Hit] = {}
    for hit in sorted(hits, key=lambda hit: (-hit.score, hit.key)):
        best.setdefault(hit.subject, hit)
    return list(best.values())[:k]


def reaching(
    vectors: NDArray[np.float32],
    rows: NDArray[np.intp],
    probes: NDArray[np.float32],
    of: NDArray[np.intp],
    bars: NDArray[np.float64],
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return which pairs have a cosine of at least their bar, and these cosines in float64: near ties keep their order.

    Where they are many, a product in float32 leaves most of them out first. With |x| at most 1 and a little, it is
    off by at most ``dimension * 2^-24 * |q|`` and a little, in whatever order it is added up (Higham, Accuracy and
    Stability of Numerical Algorithms, 2nd edition, section 3.1).

    Args:
        vectors: float32, shape (n, dimension).
        rows: numbers of rows, shape (pairs,).
        probes: float32, shape (m, dimension).
        of: number of each row's probe, shape (pairs,).
        bars: least cosine for each probe, shape (m,).

    Returns:
        Places among the pairs, ascending, and their cosines.
    """
    wide, dimension = probes.astype(np.float64), probes.shape[1]
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    nearly = bars - 1.01 * (dimension + 1) * _FLOAT_ROUNDING * (1 + UNIT_TOLERANCE) * lengths
    kept, scores = [rows[:0]], [np.empty(0)]
    for begin in range(0, len(rows), _ROWS):
        part, mine = rows[begin : begin + _ROWS], of[begin : begin + _ROWS]
        taken, places = vectors.take(part, axis=0), np.arange(begin, begin + len(part))
        if len(part) > FIRST:
            near = np.flatnonzero(np.einsum("ij,ij->i", taken, probes.take(mine, axis=0)) >= nearly[mine])
            mine, taken, places = mine[near], taken[near], places[near]
        # Each row is added up in the same order, however many rows there are; a matrix product would not do that.
        exactly = np.einsum("ij,ij->i", taken.astype(np.float64), wide.take(mine, axis=0))
        reached = exactly >= bars[mine]
        kept.append(places[reached])
        scores.append(exactly[reached])
    return np.concatenate(kept), np.concatenate(scores)


def _kept(
    rows: NDArray[np.intp], highest: NDArray[np.floating], bar: float
) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
    reach = highest >= bar
    return rows[reach], highest[reach]


def merged(parts: Iterable[Iterable[Hit]], k: int) -> list[Match]:
    """Return the k best subjects of several parts of a gallery."""
    return [hit.match for hit in ordered((hit for part in parts for hit in part), k)]
