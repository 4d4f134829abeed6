"""The first passes of a search: quantised copies rule rows out, whatever is left is compared exactly."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from faceid.search.crew import Crew
from faceid.search.hits import FIRST, Best, Named, compare
from faceid.search.layout import BOUND_ROWS, Group
from faceid.search.nibbles import Halves, Scan, Table
from faceid.search.octets import Octets, Steps, products
from faceid.search.reach import reach_of

PRODUCT_PROBES = 32
"""Probes multiplied at once."""

_SCANNED_AT_ONCE = 2
"""Probes that share a scan: it takes half as long again as for one; for more it takes longer by as many times."""

_NARROW_FROM = 256
"""Rows that are worth a call of onnxruntime."""

_COMPARED_AT_ONCE = 256
_ALONE = Crew(1)
_SHARES = (16, 1)
"""What the first 16th of the rows holds raises the bar for the others."""

_NOTHING: tuple[NDArray[np.int64], NDArray[np.float32]] = (np.empty(0, np.int64), np.empty(0, np.float32))

Found = list[tuple[NDArray[np.int64], NDArray[np.float32]]]
"""Rows and their sums in scans, group by group."""

Live = Callable[[NDArray[np.intp]], NDArray[np.bool_]]
"""Says which rows may be found at all."""


@dataclass(frozen=True, eq=False)
class Copies:
    """What a snapshot keeps of its rows in fewer bits.

    Attributes:
        groups: of the coarse copies.
        scans: of each group; none where the dimension does not fit.
        halves: how these are made, of vectors turned by ``rotation``, float32, shape (dimension, dimension).
        bounds: the least ``kept`` and the greatest ``away`` of so many neighbours (:mod:`faceid.search.nibbles`),
            float32, shape (n / ``BOUND_ROWS``, 2).
        octets: 8-bit copies, uint8, side by side.
        steps: what they stand for.
    """

    groups: tuple[Group, ...]
    scans: tuple[Scan, ...]
    halves: Halves
    rotation: NDArray[np.float32]
    bounds: NDArray[np.float32]
    octets: tuple[NDArray[np.uint8], ...]
    steps: Steps

    @cached_property
    def worst(self) -> tuple[float, float, float]:
        """The least ``kept``, the greatest ``away`` and the longest copy of all groups."""
        return (
            min(group.kept for group in self.groups),
            max(group.away for group in self.groups),
            max(group.longest for group in self.groups),
        )

    def highest(self, rows: NDArray[np.intp], probe: Octets) -> NDArray[np.float64]:
        """Return cosines that some rows do not exceed, by their 8-bit copies."""
        return probe.highest(products([part.take(rows, axis=0) for part in self.octets], probe.integers))


class Passes:
    """One search in the copies of one snapshot, shared by a crew of threads."""

    def __init__(self, copies: Copies, crew: Crew, live: Live, named: Named) -> None:
        self._copies = copies
        self._crew = crew
        self._live = live
        self._named = named

    def scan(self, probes: Sequence[NDArray[np.float32]], best: Sequence[Best]) -> list[int]:
        """Rule rows out by their coarse copies, a small group first: what it finds rules out more of the others.

        Returns:
            Numbers of the probes that the scan does not suit, or could overflow for; nothing was done for these.
        """
        copies = self._copies
        given = np.array(probes, dtype=np.float32).reshape(len(probes), copies.halves.dimension)
        # No matrix product: numpy's would begin threads that keep a processor busy while ours want it.
        turned = np.einsum("ki,ij->kj", given, copies.rotation)
        tables = [copies.halves.table(probe) for probe in turned]
        safe = [
            number
            for number, (table, one) in enumerate(zip(tables, best, strict=True))
            if table.safe(one.bar, *copies.worst)
        ]
        pairs = [safe[begin : begin + _SCANNED_AT_ONCE] for begin in range(0, len(safe), _SCANNED_AT_ONCE)]
        # The group before the last is one of the smallest; the last, as small, holds the worst copies, which let more
        # rows through the lower the bar is. Pairs take turns at a group, which is in the processor's cache then.
        last = len(copies.groups) - 1
        turns = [(pair, group) for group in (last - 1, *range(last - 1), last) if group >= 0 for pair in pairs]
        found: list[Found] = [[] for _ in probes]

        def look(turn: int) -> None:
            pair, number = turns[turn]
            group = copies.groups[number]
            leasts = np.array([tables[one].least(best[one].bar, group.kept, group.away) for one in pair])
            for one, (rows, sums) in zip(pair, copies.scans[number].above(turned[pair], leasts), strict=True):
                found[one].append((rows, sums))
                if turn < len(pairs):
                    self._raise(rows, sums, best[one])

        # Threads that only scan do not wait for each other's Python; what they find is little.
        self._crew.work(look, len(turns))
        self._crew.work(
            lambda turn: self._narrow(found[safe[turn]], probes[safe[turn]], tables[safe[turn]], best[safe[turn]]),
            len(safe),
        )
        return [number for number in range(len(probes)) if number not in set(safe)]

    def multiply(self, probes: Sequence[NDArray[np.float32]], best: Sequence[Best]) -> None:
        """Rule rows out by products of their 8-bit copies with all probes, some rows first as in the scan."""
        for begin in range(0, len(probes), PRODUCT_PROBES):
            end = begin + PRODUCT_PROBES
            self._multiply(self._copies.steps.probes(np.stack(probes[begin:end])), best[begin:end])

    def settle(self, best: Sequence[Best]) -> None:
        """Compare what may still reach the bar."""
        parts = [
            (one, rest[begin : begin + _COMPARED_AT_ONCE])
            for one in best
            for rest in [one.rest()]
            for begin in range(0, len(rest), _COMPARED_AT_ONCE)
        ]
        self._crew.work(lambda turn: parts[turn][0].compare(parts[turn][1], self._named), len(parts))

    def _raise(
        self, rows: NDArray[np.int64], sums: NDArray[np.float32], best: Best
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Compare the most promising rows, whose bar rules most of the others out; return the others."""
        order = np.argpartition(sums, len(rows) - FIRST) if len(rows) > FIRST else np.arange(len(rows))
        first, others = rows[order[-FIRST:]], order[:-FIRST]
        if len(first := first[self._live(first)]):
            best.compare(first, self._named)
        return rows[others], sums[others]

    def _narrow(self, found: Found, probe: NDArray[np.float32], table: Table, best: Best) -> None:
        copies = self._copies
        rows = np.concatenate([rows for rows, _ in found] or [_NOTHING[0]])
        sums = np.concatenate([sums for _, sums in found] or [_NOTHING[1]])
        rows, sums = self._raise(rows, sums, best)
        if not len(rows):
            return
        rows = rows[sums >= table.leasts(best.bar, copies.bounds).take(rows // BOUND_ROWS)]
        octets = copies.steps.probe(probe) if len(rows) > _NARROW_FROM else None
        if octets is not None:
            [reached] = reach_of(len(copies.octets))(
                [part.take(rows, axis=0) for part in copies.octets], [octets], [best.bar], _ALONE
            )
            rows = rows[reached]
        # What rows are like otherwise lies far apart in memory: it is looked up for the few that are left.
        rows = rows[self._live(rows)]
        if octets is not None and len(rows) > _NARROW_FROM:
            best.weigh(rows, copies.highest(rows, octets), self._named)
        elif len(rows):
            best.compare(rows, self._named)

    def _multiply(self, made: Sequence[Octets], best: Sequence[Best]) -> None:
        octets, begin = self._copies.octets, 0
        reach, total = reach_of(len(octets)), len(octets[0])
        for end in (total // share for share in _SHARES):
            reached = reach([part[begin:end] for part in octets], made, [one.bar for one in best], self._crew)
            # Python does one thing at a time: it is asked for as little as possible, for all probes at once.
            of = np.repeat(np.arange(len(best)), [len(places) for places in reached])
            rows = np.concatenate(reached) + begin
            live = self._live(rows)
            rows, of = rows[live], of[live]
            if len(rows) <= _COMPARED_AT_ONCE * len(best):
                compare(best, rows, of, self._named)
            else:
                for number, (one, probe) in enumerate(zip(best, made, strict=True)):
                    its = rows[of == number]
                    if len(its):
                        one.weigh(its, self._copies.highest(its, probe), self._named)
            begin = end
