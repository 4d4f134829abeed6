"""What a gallery holds, column by column, so that a million rows cost no Python objects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faceid.match import Entry

EVERYWHERE = -1
"""Area of a row whose consent covers every venue."""

NOWHERE = -2
"""Area of a row that was removed."""

UNIT_TOLERANCE = 1e-3
"""How far the length of a template may be from 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Templates with the consent that lets each of them match; row i of every column is one template.

    Attributes:
        keys: ids of the templates, UTF-8, dtype S, shape (n,); no key twice.
        subjects: ids of their subjects, UTF-8, dtype S, shape (n,).
        vectors: unit vectors, float32, shape (n, dimension).
        valid_until: seconds since 1970 at which the consent ends, float64, shape (n,); infinity: no end.
        areas: which of ``venue_sets`` the consent covers, int32, shape (n,); ``EVERYWHERE`` or ``NOWHERE`` otherwise.
        venue_sets: distinct sets of venue ids.
    """

    keys: NDArray[np.bytes_]
    subjects: NDArray[np.bytes_]
    vectors: NDArray[np.float32] = field(repr=False)
    valid_until: NDArray[np.float64]
    areas: NDArray[np.int32]
    venue_sets: tuple[frozenset[str], ...]

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def of(cls, entries: Iterable[Entry], dimension: int) -> Self:
        """Turn entries into columns; of entries with the same key the last one counts.

        Raises:
            ValueError: a vector is not a unit vector of ``dimension`` numbers, or a time is naive.
        """
        rows = list({entry.key: entry for entry in entries}.values())
        for entry in rows:
            check(entry, dimension)
        sets = {venues: number for number, venues in enumerate(dict.fromkeys(_venues(rows)))}
        areas = [EVERYWHERE if row.venues is None else sets[row.venues] for row in rows]
        return cls(
            keys=texts([row.key for row in rows]),
            subjects=texts([row.subject for row in rows]),
            vectors=np.array([row.vector for row in rows], dtype=np.float32).reshape(len(rows), dimension),
            valid_until=np.array([until(row) for row in rows], dtype=np.float64),
            areas=np.array(areas, dtype=np.int32),
            venue_sets=tuple(sets),
        )

    def check(self) -> None:
        """Refuse columns that no gallery may hold.

        Raises:
            ValueError: columns of different lengths, a vector that is not a unit vector, or a key twice.
        """
        lengths = {len(column) for column in (self.keys, self.subjects, self.vectors, self.valid_until, self.areas)}
        if len(lengths) != 1:
            raise ValueError(f"Columns have one length; these have {sorted(lengths)}.")
        squares = np.einsum("ij,ij->i", self.vectors, self.vectors)
        if not bool(np.all(np.abs(np.sqrt(squares) - 1.0) <= UNIT_TOLERANCE)):  # written so that NaN fails, too
            raise ValueError("A template is a unit vector; one of these is not. Normalise it before storing it.")
        ordered = np.sort(self.keys)
        if bool(np.any(ordered[1:] == ordered[:-1])):
            raise ValueError("Each key names one template; one of these comes twice.")

    def bare(self) -> "Columns":
        """Return the columns without the vectors (shape (n, 0))."""
        none = np.empty((len(self), 0), dtype=np.float32)
        return Columns(self.keys, self.subjects, none, self.valid_until, self.areas, self.venue_sets)

    def joined(self, other: "Columns") -> "Columns":
        """Return the rows of both; keys of one must not occur in the other, and no set of venues twice in one."""
        sets = {venues: number for number, venues in enumerate(dict.fromkeys((*self.venue_sets, *other.venue_sets)))}
        moved = np.array([*(sets[venues] for venues in other.venue_sets), NOWHERE, EVERYWHERE], dtype=np.int32)
        return Columns(
            np.concatenate([self.keys, other.keys]),
            np.concatenate([self.subjects, other.subjects]),
            np.concatenate([self.vectors, other.vectors]),
            np.concatenate([self.valid_until, other.valid_until]),
            np.concatenate([self.areas, moved[other.areas]]),
            tuple(sets),
        )

    def entry(self, row: int) -> Entry:
        """Return one row as an entry with a copy of its vector."""
        end, area = float(self.valid_until[row]), int(self.areas[row])
        return Entry(
            key=self.keys[row].decode(),
            subject=self.subjects[row].decode(),
            vector=self.vectors[row].copy(),
            valid_until=None if np.isinf(end) else datetime.fromtimestamp(end, UTC),
            venues=None if area == EVERYWHERE else self.venue_sets[area],
        )


def check(entry: Entry, dimension: int) -> None:
    """Refuse an entry that no gallery may hold.

    Raises:
        ValueError: the vector is not a unit vector of ``dimension`` numbers, or ``valid_until`` is naive.
    """
    if entry.vector.shape != (dimension,):
        raise ValueError(f"A template has shape ({dimension},), not {entry.vector.shape}.")
    if not abs(float(np.linalg.norm(entry.vector)) - 1.0) <= UNIT_TOLERANCE:
        raise ValueError("A template is a unit vector; this one is not. Normalise it before storing it.")
    until(entry)


def until(entry: Entry) -> float:
    """Return when an entry's consent ends, in seconds since 1970; infinity where it does not."""
    return np.inf if entry.valid_until is None else seconds(entry.valid_until)


def seconds(at: datetime) -> float:
    """Return an aware time in seconds since 1970.

    Raises:
        ValueError: the time is naive.
    """
    if at.tzinfo is None:
        raise ValueError("Times have a zone: use datetime.now(UTC).")
    return at.timestamp()


def texts(values: Sequence[str]) -> NDArray[np.bytes_]:
    """Encode texts as a column of UTF-8, at least one byte wide."""
    column: NDArray[np.bytes_] = np.array([value.encode() for value in values], dtype=np.bytes_)
    return column if len(values) else column.astype("S1")


def _venues(rows: Sequence[Entry]) -> Iterable[frozenset[str]]:
    return (row.venues for row in rows if row.venues is not None)
