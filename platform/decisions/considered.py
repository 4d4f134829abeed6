"""Which creatives a decision chose among, as a few bytes: one bit for each creative of the operator.

An operator's creatives are never deleted and their ids grow with time, so the place of a creative in the order of ids
stays. Should that order ever have changed (two creatives of the same millisecond, committed the other way round), the
digest of the ids tells, and the decision is left out of what needs the candidates instead of being misread.
"""

import struct
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from catalog.serving import Eligible, Snapshot

_HEADER = struct.Struct(">I8s")
_packed: WeakKeyDictionary[Eligible, bytes] = WeakKeyDictionary()
_digests: WeakKeyDictionary[Snapshot, bytes] = WeakKeyDictionary()


def pack(eligible: Eligible) -> bytes:
    """Return what `unpack` reads: 12 bytes and one bit per creative of the catalogue."""
    packed = _packed.get(eligible)
    if packed is None:
        packed = _packed[eligible] = _pack(eligible)
    return packed


def _pack(eligible: Eligible) -> bytes:
    snapshot = eligible.snapshot
    digest = _digests.get(snapshot)
    if digest is None:
        digest = _digests[snapshot] = _digest([offer.id for offer in snapshot.offers])
    bits = np.zeros(len(snapshot), dtype=np.bool_)
    bits[eligible.indices] = True
    return _HEADER.pack(len(snapshot), digest) + np.packbits(bits).tobytes()


def unpack(considered: bytes, creatives: Sequence[UUID]) -> NDArray[np.intp] | None:
    """Return the places of the creatives that were considered, ascending; None if that cannot be told any more.

    Args:
        creatives: ids of all the operator's creatives, ascending.
    """
    if len(considered) < _HEADER.size:
        return None
    count, digest = _HEADER.unpack_from(considered)
    if count > len(creatives) or _digest(creatives[:count]) != digest:
        return None
    bits = np.unpackbits(np.frombuffer(considered, dtype=np.uint8, offset=_HEADER.size), count=count)
    return np.flatnonzero(bits)


def _digest(creatives: Sequence[UUID]) -> bytes:
    return sha256(b"".join(creative.bytes for creative in creatives)).digest()[:8]
