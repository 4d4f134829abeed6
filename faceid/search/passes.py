"""The first passes of a search: quantised copies rule rows out, whatever is left is compared exactly."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from faceid.search.crew import Crew
from faceid.search.hits import Best, Named
from faceid.search.layout import Group
from faceid.search.nibbles import Levels, Scan, Table
from faceid.search.octets import Octets, Steps, product

PRODUCT_PROBES = 32
"""Probes multiplied at once."""

_PRODUCT_BYTES = 1 << 20
"""Of rows multiplied at once, so that they and their products stay in the processor's cache."""

_COPY_FROM = 192
"""Numbers per row from which copying rows out of the mapping pays: its small pages slow the product down."""

_NARROW_FROM = 16
_COMPARED_AT_ONCE = 256
_SHARES = (64, 8, 1)
"""The first 64th of the rows raises the bar for the first eighth, and this for all."""

_WORD = 8

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

    def multiplied(self, rows: slice | NDArray[np.intp], integers: NDArray[np.int8]) -> NDArray[np.int32]:
        """Multiply some rows' 8-bit copies with all probes; the products of a row lie together."""
        multiply, left, total = product(), 0, None
        for part in self.octets:
            if not isinstance(rows, slice):
                octets = part.take(rows, axis=0)
            else:
                octets = part[rows].copy() if part.shape[1] >= _COPY_FROM else part[rows]
            made = multiply(octets, integers[left : left + part.shape[1]])
            total = made if total is None else np.add(total, made, out=total)
            left += part.shape[1]
        assert total is not None
        return total.ravel()


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
        octets = [copies.steps.probe(probe) for probe in probes]
        safe = [
            number
            for number, (table, one) in enumerate(zip(tables, best, strict=True))
            if all(table.safe(table.least(one.bar, group.residual), group.residual) for group in copies.groups)
        ]

        def group_of(group: int, number: int) -> None:
            self._scan(group, probes[number], tables[number], octets[number], best[number])

        # The very last group holds the worst copies, so it comes when the bar is highest; the one before is as small.
        last = len(copies.groups) - 1
        first, *others = [*range(last - 1, -1, -1), last]
        self._crew.work(lambda turn: group_of(first, safe[turn]), len(safe))
        turns = list(itertools.product(others, safe))
        self._crew.work(lambda turn: group_of(*turns[turn]), len(turns))
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

    def _scan(self, group: int, probe: NDArray[np.float32], table: Table, octets: Octets, best: Best) -> None:
        copies = self._copies
        rows, sums = copies.scans[group].above(probe, table.least(best.bar, copies.groups[group].residual))
        slack = copies.residuals.take(rows) * np.float32(table.length) + np.float32(table.error() + 1e-6)
        highest: NDArray[np.floating] = sums + slack
        rows, highest = _chosen(highest >= best.bar, rows, highest)
        rows, highest = _chosen(self._live(rows), rows, highest)
        if len(rows) > _NARROW_FROM:
            highest = octets.highest(copies.multiplied(rows, octets.integers[:, None]))
        best.weigh(rows, highest, self._named)

    def _multiply(self, made: Sequence[Octets], best: Sequence[Best]) -> None:
        integers = np.ascontiguousarray(np.stack([one.integers for one in made], axis=1))
        total, count, begin = len(self._copies.residuals), len(made), 0
        for end in (total // share for share in _SHARES):
            leasts = np.array([one.least(its.bar) for one, its in zip(made, best, strict=True)], dtype=np.int32)
            places, products = self._products(begin, end, integers, leasts)
            probe_of = (places % count).astype(np.uint8)
            order = np.argsort(probe_of, kind="stable")
            bounds = np.searchsorted(probe_of[order], np.arange(count + 1)).tolist()
            rows, products = places[order] // count, products[order]

            def weigh(number: int) -> None:
                mine = slice(bounds[number], bounds[number + 1])  # noqa: B023  # called before the loop goes on
                found, its = _chosen(self._live(rows[mine]), rows[mine], products[mine])  # noqa: B023
                best[number].weigh(found, made[number].highest(its), self._named)

            self._crew.work(weigh, count)
            begin = end

    def _products(
        self, begin: int, end: int, integers: NDArray[np.int8], leasts: NDArray[np.int32]
    ) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Return ``row * probes + probe`` and the product wherever it is at least the probe's least."""
        count = len(leasts)
        step = _PRODUCT_BYTES // self._copies.octets[0].shape[1]
        tile = np.tile(leasts, step)
        starts = range(begin, end, step)
        found: list[tuple[NDArray[np.intp], NDArray[np.int32]]] = [(np.empty(0, np.intp), np.empty(0, np.int32))]

        def task(number: int) -> None:
            start = starts[number]
            made = self._copies.multiplied(slice(start, min(end, start + step)), integers)
            reached = _reached(made, tile)
            found.append((start * count + reached, made[reached]))

        self._crew.work(task, len(starts))
        places, values = zip(*found, strict=True)
        return np.concatenate(places), np.concatenate(values)


def _reached(products: NDArray[np.int32], tile: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return where products, shape (rows * probes,), are at least the repeated ``tile``."""
    mask = np.zeros(-(-len(products) // _WORD) * _WORD, dtype=bool)
    np.greater_equal(products, tile[: len(products)], out=mask[: len(products)])
    # Few products reach: looking for whole words that are not zero first takes an eighth of the time.
    words = np.flatnonzero(mask.view(np.uint64) != 0)
    within = np.flatnonzero(mask.reshape(-1, _WORD).take(words, axis=0))
    places: NDArray[np.intp] = words.take(within // _WORD) * _WORD + within % _WORD
    return places


def _chosen(mask: NDArray[np.bool_], one: NDArray[One], other: NDArray[Other]) -> tuple[NDArray[One], NDArray[Other]]:
    places = np.flatnonzero(mask)
    return one.take(places), other.take(places)
