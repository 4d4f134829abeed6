"""A log made ready for models, as arrays that a child process reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.benchmark.log import Codes, Role

HISTORY = 50
"""How many of the newest liked items a network looks at, as the product does."""

ABSENT, RARE, FIRST = 0, 1, 2
"""Ids: no word; an item that the train part does not hold, another word seen at most once in it; the first word of the
vocabulary."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Examples of one part.

    Attributes:
        labels: 0 or 1, float32, shape (rows,).
        user, item: codes over the whole log, -1 absent; not to be learnt from beyond what the train part shows.
        ids: int32, shape (rows, features), see `Prepared.features`.
        numbers: float32, shape (rows, numeric columns), NaN where absent.
        rates: float32, shape (rows, 4): like-rate and log count of the item, then of the user; for the train part of
            the rows of earlier instants, for later parts of the whole train part.
        start, stop: profile of the user at that moment, places in `Prepared.profile`.
    """

    labels: NDArray[np.float32]
    user: Codes
    item: Codes
    ids: NDArray[np.int32]
    numbers: NDArray[np.float32]
    rates: NDArray[np.float32]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.intp]) -> Rows:
        """Select rows."""
        return Rows(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a model may see, and the rows it is judged by.

    Attributes:
        catalogue: every sampled item for each of some users (labels are 0 and mean nothing); see ``listed``.
        listed: how many rows of the catalogue belong to each user, in order.
        features: names of the columns of ids: `user`, `item`, then the categorical columns, then numeric columns in
            ten bins of equal frequency.
        sizes: ids of each run from 0 to size - 1.
        roles: what each describes.
        profile: liked items, see `recsys.benchmark.profiles.Profiles`.
        item_ids: ids of the columns that describe items, int32, shape (items, features); 0 in other columns.
        items, users: how many codes there are.
        histories: whether a profile is a feature.
    """

    train: Rows
    validation: Rows
    test: Rows
    catalogue: Rows
    listed: int
    features: tuple[str, ...]
    sizes: tuple[int, ...]
    roles: tuple[Role, ...]
    profile: Codes
    item_ids: NDArray[np.int32]
    items: int
    users: int
    histories: bool

    def anonymous(self, rows: Rows) -> Rows:
        """Return the rows as if nobody knew who was asking: no user, nothing that describes one, no profile."""
        of_user = np.array([role == "user" for role in self.roles])
        nobody = np.zeros(len(rows), dtype=np.int64)
        base = np.float32(self.train.labels.mean())
        rates = np.concatenate([rows.rates[:, :2], np.full((len(rows), 1), base), np.zeros((len(rows), 1))], axis=1)
        numbers = rows.numbers.copy()
        numbers[:, of_user[len(of_user) - numbers.shape[1] :]] = np.nan
        return Rows(
            labels=rows.labels,
            user=np.full_like(rows.user, -1),
            item=rows.item,
            ids=np.where(of_user, ABSENT, rows.ids).astype(np.int32),
            numbers=numbers,
            rates=rates.astype(np.float32),
            start=nobody,
            stop=nobody,
        )

    def new_items(self, rows: Rows) -> NDArray[np.bool_]:
        """Return which rows are of items that the train part does not hold, shape (rows,)."""
        return (rows.item >= 0) & ~np.isin(rows.item, self.train.item)

    def write(self, path: Path) -> None:
        """Write all arrays to one .npz file."""
        arrays = {
            f"{part}.{field.name}": getattr(getattr(self, part), field.name) for part in PARTS for field in fields(Rows)
        }
        plain = {
            field.name: np.asarray(getattr(self, field.name)) for field in fields(Prepared) if field.name not in PARTS
        }
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays, **plain)

    @classmethod
    def read(cls, path: Path) -> Prepared:
        """Read what `write` wrote."""
        with np.load(path, allow_pickle=False) as file:
            parts = {part: Rows(*(file[f"{part}.{field.name}"] for field in fields(Rows))) for part in PARTS}
            return cls(
                train=parts["train"],
                validation=parts["validation"],
                test=parts["test"],
                catalogue=parts["catalogue"],
                listed=int(file["listed"]),
                features=tuple(file["features"].tolist()),
                sizes=tuple(file["sizes"].tolist()),
                roles=tuple(file["roles"].tolist()),
                profile=file["profile"],
                item_ids=file["item_ids"],
                items=int(file["items"]),
                users=int(file["users"]),
                histories=bool(file["histories"]),
            )

    def newest(self, rows: Rows, longest: int = HISTORY) -> Codes:
        """Lay out the newest liked items, newest first; item codes, shape (rows, longest), -1 behind the end."""
        places = rows.stop[:, None] - 1 - np.arange(longest)[None, :]
        found = places >= rows.start[:, None]
        laid = np.full(places.shape, -1, dtype=np.int64)
        laid[found] = self.profile[places[found]]
        return laid

    def pairs(self, rows: Rows) -> Iterator[tuple[slice, Codes, Codes]]:
        """Yield chunks of rows with all pairs of a row (within its chunk) and an item its user liked before."""
        for begin in range(0, len(rows), CHUNK):
            chunk = slice(begin, min(begin + CHUNK, len(rows)))
            lengths = rows.stop[chunk] - rows.start[chunk]
            owner = np.repeat(np.arange(len(lengths)), lengths)
            offset = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            yield chunk, owner, self.profile[rows.start[chunk][owner] + offset]


PARTS = ("train", "validation", "test", "catalogue")
CHUNK = 4_096
