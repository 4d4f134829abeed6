"""What a mapping may know of the catalogue and the places."""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")


class LogUnusable(Exception):
    """A log cannot be read, or has nothing to be mapped onto; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Item:
    """One creative; the category is a dotted slug, parent first, for instance ``movies.drama``."""

    id: UUID
    category: str
    title: str


@dataclass(frozen=True, slots=True)
class Place:
    """One screen and the scene that is usual there."""

    screen_id: UUID
    venue_category: str
    name: str
    scene: str


def below(items: Iterable[Item], parent: str) -> list[Item]:
    """Return the items of a parent category, in an order that does not depend on ids.

    Raises:
        LogUnusable: there is none.
    """
    found = sorted(
        (item for item in items if item.category.split(".")[0] == parent), key=lambda item: (item.category, item.title)
    )
    if not found:
        raise LogUnusable(f"The catalogue has no creative of a category {parent}.…; add some, then import again.")
    return found


def at(places: Iterable[Place], parent: str) -> list[Place]:
    """Return the screens at venues of a parent category, in an order that does not depend on ids.

    Raises:
        LogUnusable: there is none.
    """
    found = sorted(
        (place for place in places if place.venue_category.split(".")[0] == parent),
        key=lambda place: (place.venue_category, place.name),
    )
    if not found:
        raise LogUnusable(f"There is no screen at a venue of a category {parent}.…; add one, then import again.")
    return found


def spread(word: str, choices: Sequence[T]) -> T:
    """Choose by a stable hash of a word: always the same choice, about equally often each."""
    number = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
    return choices[number % len(choices)]


def rows_of(path: Path, columns: Sequence[str], *, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Read a table with a heading, line by line.

    Raises:
        LogUnusable: the file is not there, or lacks one of the columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE)
            missing = set(columns) - set(rows.fieldnames or ())
            if missing:
                raise LogUnusable(f"{path.name} has no column {', '.join(sorted(missing))}; is it the right package?")
            yield from rows
    except OSError as error:
        raise LogUnusable(f"{path.name} is not there ({error.strerror}); `make carriers` fetches it.") from error
