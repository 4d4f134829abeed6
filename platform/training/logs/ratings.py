"""Ratings of items by people, as MovieLens and many after it write them: user, item, rating, timestamp."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from training.logs.mapping import Line
from training.logs.table import Faults, Fields, Layout, number_of, records, time_of, word_of

T = TypeVar("T")
ROLES = ("user", "item", "rating", "timestamp")
"""What a file must hold; ``category`` may come beside it."""
CATEGORY = "category"
KNOWN: Mapping[str, tuple[str, ...]] = {
    "user": ("user_id", "userId", "UserID", "uid", "reviewerID"),
    "item": ("item_id", "itemId", "movieId", "MovieID", "movie_id", "asin", "iid"),
    "rating": ("Rating", "stars", "score", "overall"),
    "timestamp": ("Timestamp", "time", "ts", "unixReviewTime"),
}
"""Headings that are understood without being told."""
ENGAGED = 4.0
"""The lowest rating that counts as engagement, of five."""
LARGEST = 1e6


def read_ratings(
    path: Path, then: Callable[[Line], T], *, layout: Layout, engaged: float, faults: Faults
) -> Iterator[T]:
    """Read ratings line by line.

    Args:
        then: makes something of each line.
        layout: its columns may name a ``category`` besides the roles.
        engaged: the lowest rating that counts as engagement.

    Raises:
        LogUnusable: as ``training.logs.table.records``.
    """
    categorised = CATEGORY in layout.columns
    needed = [*ROLES, CATEGORY] if categorised else ROLES

    def parse(number: int, row: Fields) -> T:
        return then(
            Line(
                sequence=number, item=word_of(row, "item"), at=time_of(row, "timestamp"),
                label=number_of(row, "rating", low=-LARGEST, high=LARGEST) >= engaged, person=word_of(row, "user"),
                category=word_of(row, CATEGORY) if categorised else "",
            )
        )  # fmt: skip

    yield from records(path, parse, layout=replace(layout, known=KNOWN), needed=needed, faults=faults)
