"""Who learns where: people are dealt to shards and slices by a keyed hash of their pseudonym.

All rows of a person are in one slice of one shard, so that forgetting them touches nothing else. The hash has a key, so
that nobody without it can tell from a pseudonym where a person is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.training.errors import BadRequest

if TYPE_CHECKING:
    from recsys.training.dataset import Examples

MOST_SHARDS = 32
MOST_SLICES = 16
LONGEST_KEY = 64
PERSON, PASSER_BY = b"person", b"passer-by"

Places: TypeAlias = NDArray[np.int64]


class Place(NamedTuple):
    """Where a person's rows are learnt from; both counted from 0."""

    shard: int
    slice: int


@dataclass(frozen=True, slots=True)
class Sharding:
    """How people are dealt out.

    Attributes:
        shards: constituent models, each of which learns from its own people only.
        slices: steps in which a constituent takes in its people; a checkpoint follows each.
        key: secret of at most 64 bytes; the same key deals the same people to the same places.

    Raises:
        BadRequest: a number is out of range, or the key is too long.
    """

    shards: int
    slices: int = 1
    key: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.shards <= MOST_SHARDS:
            raise BadRequest(f"shards must be between 1 and {MOST_SHARDS}, got {self.shards}")
        if not 1 <= self.slices <= MOST_SLICES:
            raise BadRequest(f"slices must be between 1 and {MOST_SLICES}, got {self.slices}")
        if len(self.key) > LONGEST_KEY:
            raise BadRequest(f"the key of shards holds {len(self.key)} bytes, at most {LONGEST_KEY} are allowed")

    def place_of(self, viewer: str) -> Place:
        """Return where a person's rows are learnt from."""
        return self._place(PERSON, viewer.encode("utf-8", "surrogatepass"))

    def places(self, examples: Examples) -> tuple[Places, Places]:
        """Return the shard and the slice of each row, two arrays of shape (rows,).

        A row without a viewer is dealt by its instant and creative: it belongs to nobody and must only stay where it
        is when other rows go.
        """
        people = [self.place_of(word) for word in examples.viewer.vocabulary]
        places = np.array([*people, Place(0, 0)], dtype=np.int64)[examples.viewer.codes]
        for row in np.flatnonzero(examples.viewer.codes < 0):
            creative = examples.creative.vocabulary[examples.creative.codes[row]]
            places[row] = self._place(PASSER_BY, f"{examples.at[row]}:{creative}".encode("utf-8", "surrogatepass"))
        return places[:, 0], places[:, 1]

    def _place(self, kind: bytes, name: bytes) -> Place:
        digest = blake2b(name, key=self.key, digest_size=16, person=kind).digest()
        shard, part = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
        return Place(shard % self.shards, part % self.slices)
