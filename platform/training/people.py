"""Who is in a dataset, in a form that names nobody: a sorted set of keyed digests."""

import hashlib
from collections.abc import Iterable

from core.sealing import derive

WIDTH = 16


def digest_of(key: str) -> bytes:
    """Return the keyed digest of a viewer's key (BLAKE2b with a key of this installation, RFC 7693), 16 bytes."""
    return hashlib.blake2b(key.encode(), key=derive("training people"), digest_size=WIDTH).digest()


def pack(keys: Iterable[str]) -> bytes:
    """Return the sorted digests of distinct keys, one after the other."""
    return b"".join(sorted({digest_of(key) for key in keys}))


def holds(people: bytes, key: str) -> bool:
    """Return whether a packed set holds a key."""
    return _place(people, digest_of(key)) is not None


def without(people: bytes, key: str) -> bytes:
    """Return the packed set without a key."""
    place = _place(people, digest_of(key))
    return people if place is None else people[:place] + people[place + WIDTH :]


def count(people: bytes) -> int:
    """Return how many people a packed set holds."""
    return len(people) // WIDTH


def _place(people: bytes, wanted: bytes) -> int | None:
    low, high = 0, count(people)
    while low < high:
        middle = (low + high) // 2
        found = people[middle * WIDTH : (middle + 1) * WIDTH]
        if found == wanted:
            return middle * WIDTH
        low, high = (middle + 1, high) if found < wanted else (low, middle)
    return None
