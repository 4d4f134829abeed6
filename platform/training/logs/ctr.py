"""Click logs in the formats of Criteo and Avazu.

Criteo (display advertising challenge, 2014): label, thirteen counts I1-I13 and twenty-six hashed words C1-C26, with or
without headings, tab- or comma-separated. Neither person, creative nor time is named: one of the words stands for the
creative, lines are in order of time, and times are made of their order. Avazu (click-through rate prediction, 2014):
id, click, hour (YYMMDDHH, UTC), banner_pos, device_id and others; C14 stands for the creative.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TypeVar

from training.logs.catalogue import LogUnusable
from training.logs.mapping import Line
from training.logs.table import BadLine, Faults, Fields, Layout, records, whole_of, word_of

T = TypeVar("T")
COUNTS = tuple(f"I{number}" for number in range(1, 14))
WORDS = tuple(f"C{number}" for number in range(1, 27))
CRITEO_HEADINGS = ("Label", *COUNTS, *WORDS)
CRITEO_STARTS = datetime(2014, 6, 1, tzinfo=UTC)
CRITEO_STEP = timedelta(seconds=1)
NO_DEVICE = "a99f214a"
"""Avazu's device_id of everybody without one."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Times for a log that has none: they tell the order of its lines, nothing else."""

    starts: datetime = CRITEO_STARTS
    step: timedelta = CRITEO_STEP

    def at(self, number: int) -> datetime:
        """Return the time of a line.

        Raises:
            BadLine: it lies beyond the calendar.
        """
        try:
            return self.starts + (number - 1) * self.step
        except OverflowError as error:
            raise BadLine(
                "its time would lie beyond the calendar; choose an earlier start or a shorter step"
            ) from error


@dataclass(frozen=True, slots=True)
class Format:
    """How a click log is read.

    Attributes:
        needed: roles that must be there.
        columns: role to the heading that plays it unless the caller says otherwise.
    """

    needed: tuple[str, ...]
    columns: dict[str, str]
    parse: Callable[[int, Fields, Clock], Line]


def read_clicks(
    path: Path, then: Callable[[Line], T], *, format: str, layout: Layout, clock: Clock, faults: Faults
) -> Iterator[T]:
    """Read a click log line by line.

    Args:
        then: makes something of each line.
        format: one of `FORMATS`.
        layout: its columns override those of the format.

    Raises:
        LogUnusable: as ``training.logs.table.records``.
    """
    chosen = FORMATS[format]
    told = replace(layout, columns=chosen.columns | dict(layout.columns))
    if format == "criteo" and not told.headings and not _has_headings(path):
        told = replace(told, headings=CRITEO_HEADINGS)

    def parse(number: int, row: Fields) -> T:
        return then(chosen.parse(number, row, clock))

    yield from records(path, parse, layout=told, needed=chosen.needed, faults=faults)


def _criteo(number: int, row: Fields, clock: Clock) -> Line:
    for name in COUNTS:
        if row.get(name):
            whole_of(row, name, low=-1_000_000_000, high=10_000_000_000)
    item = row["item"].strip() or "none"
    return Line(sequence=number, item=item, at=clock.at(number), label=bool(whole_of(row, "label", low=0, high=1)))


def _avazu(number: int, row: Fields, clock: Clock) -> Line:
    device = word_of(row, "user")
    return Line(
        sequence=number, item=word_of(row, "item"), at=_hour(row), label=bool(whole_of(row, "label", low=0, high=1)),
        person="" if device == NO_DEVICE else device, position=whole_of(row, "position", low=0, high=1000),
    )  # fmt: skip


def _hour(row: Fields) -> datetime:
    text = row["timestamp"].strip()
    try:
        return datetime.strptime(text, "%y%m%d%H").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadLine(f"timestamp is {text!r}, expected an hour as YYMMDDHH") from error


def _has_headings(path: Path) -> bool:
    """Return whether the first line names columns: lines of the log begin with a number."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise LogUnusable(f"{path} cannot be read: {error}.") from error
    return any(name in chain(*(part.split(",") for part in first.split("\t"))) for name in ("Label", "label", "click"))


FORMATS = {
    "avazu": Format(
        ("label", "item", "user", "position", "timestamp"),
        {"label": "click", "item": "C14", "user": "device_id", "position": "banner_pos", "timestamp": "hour"}, _avazu,
    ),
    "criteo": Format(("label", "item", *COUNTS), {"label": "Label", "item": "C2"}, _criteo),
}  # fmt: skip
