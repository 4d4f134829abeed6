"""Reading tables of anybody's: line by line, with the number of the line in whatever goes wrong."""

import csv
import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, TextIO, TypeVar

from training.logs.catalogue import LogUnusable

T = TypeVar("T")
Fields = Mapping[str, str]
DELIMITERS = ("\t", "::", ",", ";", "|")
SHOWN = 10
"""Bad lines that are named; the others are counted."""
LATEST = 32_503_680_000
"""The year 3000 in seconds since 1970."""


class BadLine(ValueError):
    """One line cannot be read; the message says what is wrong with which column."""


@dataclass(slots=True)
class Faults:
    """The bad lines of a file: all are counted, the first few are named.

    Attributes:
        tolerated: whether the good lines are imported all the same.
    """

    name: str
    tolerated: bool = False
    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, line: int, error: BadLine) -> None:
        """Note one bad line."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(f"line {line}: {error}")

    def settle(self, good: int) -> None:
        """Refuse the file at its end unless its bad lines are tolerated.

        Raises:
            LogUnusable: there were bad lines, or there is no good one.
        """
        if self.count and not self.tolerated:
            raise LogUnusable(
                f"{self.name}: {self.count} of {self.count + good} lines cannot be read, so nothing was imported. Mend"
                f" them or leave them out with --skip-bad-lines.\n{self.document()}"
            )
        if not good:
            raise LogUnusable(f"{self.name} holds no line that can be read; nothing was imported.\n{self.document()}")

    def document(self) -> str:
        """Return the named lines, one below the other."""
        more = self.count - len(self.first)
        return "\n".join([*self.first, *([f"and {more} more"] if more else [])])


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is written.

    Attributes:
        delimiter: between the fields; empty to find out from the first line.
        headings: names of the columns of a file without a line of headings.
        columns: role to the heading that plays it.
        known: role to headings that are understood without being told; a role's own name always is.
    """

    delimiter: str = ""
    headings: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def roles_of(self, headings: Sequence[str]) -> list[str]:
        """Return the headings with the names of the roles they play."""
        role_of = {heading: role for role, heading in self.columns.items()}
        for role, others in self.known.items():
            if role not in self.columns and role not in headings:
                role_of |= dict.fromkeys([other for other in others if other in headings][:1], role)
        return [role_of.get(heading, heading) for heading in headings]


def records(
    path: Path, parse: Callable[[int, Fields], T], *, layout: Layout, needed: Sequence[str], faults: Faults
) -> Iterator[T]:
    """Read a table and parse each line; bad lines are noted and, unless they are tolerated, refuse the file at its end.

    Args:
        parse: makes something of a record's number, counted from 1, and its fields by column; raises BadLine.
        needed: roles that must be there.

    Raises:
        LogUnusable: the file is missing, empty, no text, lacks a column, or its bad lines are not tolerated.
    """
    good = 0
    try:
        with _open(path) as file:
            roles, lines = _table(path, file, layout, needed)
            for number, (line, cells) in enumerate(lines, start=1):
                try:
                    made = parse(number, _fields(roles, cells))
                except BadLine as error:
                    faults.add(line, error)
                    continue
                good += 1
                yield made
    except (OSError, EOFError) as error:
        raise LogUnusable(f"{path} cannot be read: {error}.") from error
    except UnicodeDecodeError as error:
        raise LogUnusable(f"{path.name} is no UTF-8 text: {error}.") from error
    except csv.Error as error:
        raise LogUnusable(f"{path.name} is no table: {error}.") from error
    faults.settle(good)


def number_of(row: Fields, column: str, *, low: float | None = None, high: float | None = None) -> float:
    """Return a finite number within bounds.

    Raises:
        BadLine: it is none.
    """
    try:
        value = float(row[column])
    except ValueError as error:
        raise BadLine(f"{column} is {row[column]!r}, expected a number") from error
    if not isfinite(value):
        raise BadLine(f"{column} is {row[column]!r}, expected a finite number")
    if (low is not None and value < low) or (high is not None and value > high):
        raise BadLine(f"{column} is {row[column]!r}, expected {low:g} to {high:g}")
    return value


def whole_of(row: Fields, column: str, *, low: int, high: int) -> int:
    """Return a whole number within bounds.

    Raises:
        BadLine: it is none.
    """
    value = number_of(row, column, low=low, high=high)
    if value != int(value):
        raise BadLine(f"{column} is {row[column]!r}, expected a whole number")
    return int(value)


def word_of(row: Fields, column: str) -> str:
    """Return a text that is not empty.

    Raises:
        BadLine: it is.
    """
    word = row[column].strip()
    if not word:
        raise BadLine(f"{column} is empty")
    return word


def time_of(row: Fields, column: str) -> datetime:
    """Return a time written as seconds since 1970 or in ISO 8601; without a zone it is UTC.

    Raises:
        BadLine: it is neither.
    """
    text = row[column].strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise BadLine(f"{column} is {text!r}, expected seconds since 1970 or ISO 8601") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not 0 <= seconds < LATEST:  # NaN is neither
        raise BadLine(f"{column} is {text!r}, expected seconds since 1970, before the year 3000")
    return datetime.fromtimestamp(seconds, UTC)


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _table(
    path: Path, file: TextIO, layout: Layout, needed: Sequence[str]
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    first = file.readline()
    if not first.strip():
        raise LogUnusable(f"{path.name} is empty: expected a table with the columns {', '.join(needed)}.")
    file.seek(0)
    lines = _split(file, layout.delimiter or next((found for found in DELIMITERS if found in first), ","))
    headings = list(layout.headings) or [heading.partition(":")[0].strip() for heading in next(lines)[1]]
    roles = layout.roles_of(headings)
    missing = [role for role in needed if role not in roles]
    if missing:
        raise LogUnusable(
            f"{path.name} has no column {', '.join(missing)}; its headings are {', '.join(headings)[:400]}. Name the"
            " columns with --columns, or --headings where the file has no line of them."
        )
    return roles, lines


def _split(file: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the fields of each line that is not blank."""
    if len(delimiter) == 1:
        quoting: Any = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
        reader = csv.reader(file, delimiter=delimiter, quoting=quoting)
        yield from ((reader.line_num, cells) for cells in reader if cells)
    else:
        lines = enumerate((line.rstrip("\r\n") for line in file), start=1)
        yield from ((number, line.split(delimiter)) for number, line in lines if line)


def _fields(roles: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) != len(roles):
        raise BadLine(f"holds {len(cells)} fields, expected {len(roles)}")
    return dict(zip(roles, cells, strict=True))
