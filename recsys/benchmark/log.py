"""A log in memory: who met which item when, and whether it went well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Kind: TypeAlias = Literal["categorical", "numeric"]
Role: TypeAlias = Literal["user", "item", "context"]
Codes: TypeAlias = NDArray[np.int64]
"""Places in a vocabulary, shape (rows,); -1 where the word is absent."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the reader of a file is told about its columns.

    Attributes:
        user, item, timestamp: names of columns; None where the log has none. Without timestamps the rows' order is
            the order of time.
        label: name of the column that says how it went.
        positive_from: labels of at least this are 1 and all others 0; None where labels are 0 or 1 already.
        timestamp_format: how words in the timestamp column are read (strptime); None for ISO 8601.
        categorical, numeric, ignore: columns whose type is not to be inferred, or which are not to be read at all.
        user_columns, item_columns: columns whose role is not to be inferred.
        max_rows: only the latest rows are used.
    """

    user: str | None = "user"
    item: str | None = "item"
    label: str = "label"
    timestamp: str | None = "timestamp"
    positive_from: float | None = None
    timestamp_format: str | None = None
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    user_columns: tuple[str, ...] = ()
    item_columns: tuple[str, ...] = ()
    max_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One further column.

    Attributes:
        role: whether it describes the user, the item, or the moment.
        codes: of a categorical column; otherwise empty.
        values: of a numeric column, float64, shape (rows,), NaN where absent; otherwise empty.
    """

    name: str
    kind: Kind
    role: Role
    codes: Codes
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Log:
    """Rows, oldest first.

    Attributes:
        user, item: codes; all -1 where the log has no such column.
        labels: 0 or 1, float32, shape (rows,).
        at: instants, microseconds since 1970 UTC; or places in an order; int64, shape (rows,).
        calendar: whether ``at`` are instants.
        sequences: whether the rows came from item sequences by negative sampling; ``at`` is then the step.
        notes: what a reader of the results must know.
    """

    name: str
    user: Codes
    item: Codes
    labels: NDArray[np.float32]
    at: NDArray[np.int64]
    columns: tuple[Column, ...]
    calendar: bool = True
    sequences: bool = False
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def has_users(self) -> bool:
        """Whether any row has a user."""
        return bool((self.user >= 0).any())

    @property
    def has_items(self) -> bool:
        """Whether any row has an item."""
        return bool((self.item >= 0).any())
