"""The first passes of a search: quantised copies rule rows out, whatever is left is compared exactly."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from faceid.search.crew import Crew
from faceid.search.hits import Best, Named
from faceid.search.layout import Group
from faceid.search.nibbles import Levels, Scan, Table
from faceid.search.octets import Octets, Steps, products
from faceid.search.reach import Reach, reach_of

PRODUCT_PROBES = 32
"""Probes multiplied at once."""

_PRODUCT_BYTES = 16 << 20
"""Of rows multiplied at once."""

_NARROW_FROM = 16
_COMPARED_AT_ONCE = 256
_SHARES = (64, 8, 1)
"""The first 64th of the rows raises the bar for the first eighth, and this for all."""

_NOTHING: tuple[NDArray[np.intp], NDArray[np.float32]] = (np.empty(0, np.intp), np.empty(0, np.float32))

One = TypeVar("One", bound=np.generic)
Other = TypeVar("Other", bound=np.generic)
Live = Callable[[NDArray[np.intp]], NDArray[np.bool_]]
"""Says which rows may be found at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """What a snapshot keeps of its rows in fewer bits.

    Attributes:
        groups: of the 4-bit copies.
        scans: of each group; none where the dimension does not fit.
        levels: what the 4-bit copies stand for.
        residuals: distance of each row from its 4-bit copy, float32, shape (n,).
        octets: 8-bit copies, uint8, side by side.
        steps: what they stand for.
    """

    groups: tuple[Group, ...]
    scans: tuple[Scan, ...]
    levels: Levels
    residuals: NDArray[np.float32]
    octets: tuple[NDArray[np.uint8], ...]
    steps: Steps

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
        """Rule rows out by their 4-bit copies, a small group first: what it finds rules out more of the others.

        Returns:
            Numbers of the probes for which the scan could have overflowed; nothing was done for these.
        """
        copies = self._copies
        tables = [copies.levels.table(probe) for probe in probes]
        safe = [
            number
            for number, (table, one) in enumerate(zip(tables, best, strict=True))
            if all(table.safe(table.least(one.bar, group.residual), group.residual) for group in copies.groups)
        ]
        # The group before the last is one of the smallest; the last, as small, holds the worst copies, which let more
        # rows through the lower the bar is.
        last = len(copies.groups) - 1
        for groups in ([last - 1], [*range(last - 1), last]):
            turns = [(number, group) for number in safe for group in groups if group >= 0]
            found = [_NOTHING] * len(turns)

            def look(turn: int) -> None:
                number, group = turns[turn]  # noqa: B023  # called before the loop goes on
                least = tables[number].least(best[number].bar, copies.groups[group].residual)
                found[turn] = copies.scans[group].above(probes[number], least)  # noqa: B023

            # Threads that only scan do not wait for each other's Python; what they find is little.
            self._crew.work(look, len(turns))
            for number in safe:
                mine = [rows for (of, _), rows in zip(turns, found, strict=True) if of == number]
                self._narrow(mine, probes[number], tables[number], best[number])
        return [number for number in range(len(probes)) if number not in set(safe)]

    def multiply(self, probes: Sequence[NDArray[np.float32]], best: Sequence[Best]) -> None:
        """Rule rows out by products of their 8-bit copies with all probes, some rows first as in the scan."""
        for begin in range(0, len(probes), PRODUCT_PROBES):
            end = begin + PRODUCT_PROBES
            self._multiply([self._copies.steps.probe(probe) for probe in probes[begin:end]], best[begin:end])

    def settle(self, best: Sequence[Best]) -> None:
        """Compare what may still reach the bar."""
        parts = [
            (one, rest[begin : begin + _COMPARED_AT_ONCE])
            for one in best
            for rest in [one.rest()]
            for begin in range(0, len(rest), _COMPARED_AT_ONCE)
        ]
        self._crew.work(lambda turn: parts[turn][0].compare(parts[turn][1], self._named), len(parts))

    def _narrow(
        self,
        found: Sequence[tuple[NDArray[np.intp], NDArray[np.float32]]],
        probe: NDArray[np.float32],
        table: Table,
        best: Best,
    ) -> None:
        copies = self._copies
        rows = np.concatenate([rows for rows, _ in found] or [_NOTHING[0]])
        sums = np.concatenate([sums for _, sums in found] or [_NOTHING[1]])
        slack = copies.residuals.take(rows) * np.float32(table.length) + np.float32(table.error() + 1e-6)
        highest: NDArray[np.floating] = sums + slack
        rows, highest = _chosen(highest >= best.bar, rows, highest)
        if len(rows) > _NARROW_FROM:
            octets = copies.steps.probe(probe)
            [reached] = reach_of(len(copies.octets), 1)(
                [part.take(rows, axis=0) for part in copies.octets], [octets], [best.bar]
            )
            # What rows are like otherwise lies far apart in memory: it is looked up for the few that are left.
            rows = rows[reached]
            highest = copies.highest(rows, octets)
        rows, highest = _chosen(self._live(rows), rows, highest)
        best.weigh(rows, highest, self._named)

    def _multiply(self, made: Sequence[Octets], best: Sequence[Best]) -> None:
        reach, begin = reach_of(len(self._copies.octets), self._crew.size), 0
        total = len(self._copies.residuals)
        for end in (total // share for share in _SHARES):
            rows_of = self._reaching(reach, slice(begin, end), made, [one.bar for one in best])

            # Little is left to do, and Python does one thing at a time.
            for one, probe, rows in zip(best, made, rows_of, strict=True):
                found = rows[self._live(rows)]
                one.weigh(found, self._copies.highest(found, probe), self._named)
            begin = end

    def _reaching(
        self, reach: Reach, rows: slice, made: Sequence[Octets], bars: Sequence[float]
    ) -> list[NDArray[np.intp]]:
        """Return for each probe which of some rows may reach its bar."""
        step = _PRODUCT_BYTES // sum(part.shape[1] for part in self._copies.octets)
        found: list[list[NDArray[np.intp]]] = [[] for _ in made]
        for begin in range(rows.start, rows.stop, step):
            end = min(begin + step, rows.stop)
            reached = reach([part[begin:end] for part in self._copies.octets], made, bars)
            for mine, places in zip(found, reached, strict=True):
                mine.append(places + begin)
        return [np.concatenate(mine) if mine else _NOTHING[0] for mine in found]


def _chosen(mask: NDArray[np.bool_], one: NDArray[One], other: NDArray[Other]) -> tuple[NDArray[One], NDArray[Other]]:
    places = np.flatnonzero(mask)
    return one.take(places), other.take(places)
