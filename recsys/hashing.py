"""Stable identifiers for words: the same in every process, on every machine and in every year."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

MOST_WORDS = 200_000
"""A field forgets its words when it holds this many, some 20 MB."""


def stable_hash(field: str, word: str) -> int:
    """Hash a word of a field to 64 bits.

    The field's name personalises the hash (BLAKE2, RFC 7693, section 2.5), so that equal words of two fields differ.
    Python's own `hash()` is salted per process and of no use here.
    """
    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8, person=field.encode()[:16]).digest()
    return int.from_bytes(digest, "little")


def identifier(field: str, word: str | None, size: int) -> int:
    """Place a word among the ids 1 to size - 1 of its field; the absent word is 0."""
    if word is None:
        return 0
    return 1 + stable_hash(field, word) % (size - 1)


class Identifiers(dict[str | None, int]):
    """Ids of the words of one field of the catalogue, by word, each hashed once; never for a person's key.

    A dictionary rather than a memoised function: a decision looks up the hundred words of a history, and this way that
    costs two microseconds.
    """

    def __init__(self, field: str, size: int) -> None:
        super().__init__()
        self.field = field
        self.size = size

    def __missing__(self, word: str | None) -> int:
        if len(self) >= MOST_WORDS:
            self.clear()
        found = self[word] = identifier(self.field, word, self.size)
        return found


@lru_cache(maxsize=256)
def catalogue_identifiers(field: str, size: int) -> Identifiers:
    """Return what this process remembers of a field of the catalogue."""
    return Identifiers(field, size)
