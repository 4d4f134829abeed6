"""Stable identifiers for words: the same in every process, on every machine and in every year."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b


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


@lru_cache(maxsize=65_536)
def catalogue_identifier(field: str, word: str | None, size: int) -> int:
    """Do as `identifier` and remember the answer; for words of the catalogue only, never for a person's key."""
    return identifier(field, word, size)
