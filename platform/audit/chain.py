"""The chain: each entry's hash covers its content and the hash before it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from core.times import utc

GENESIS = bytes(32)


def entry_hash(
    previous: bytes, number: int, at: datetime, actor: str, action: str, target: str, detail: Mapping[str, Any]
) -> bytes:
    """Return SHA-256 over the previous hash and the entry's canonical JSON (sorted keys, UTC milliseconds)."""
    content = [number, utc(at), actor, action, target, detail]
    return hashlib.sha256(previous + orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()
