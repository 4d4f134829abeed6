"""The offline bundle: content a player may show when it cannot ask, signed so that nobody else can fill a screen.

Ed25519 (RFC 8032) over the very bytes the player receives, so that no canonical form of JSON is needed.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.sealing import derive
from core.times import utc

PREFIX = "bnd_"
TERM = timedelta(days=7)
"""How long a player may go on without asking."""
_TAG = 16


def bundle_id(*, operator_id: UUID, screen_id: UUID, valid_until: datetime) -> str:
    """Return an id that proves by itself which screen the bundle was issued to and when it ends."""
    ends = int(valid_until.timestamp()).to_bytes(8, "big")
    return PREFIX + base64.urlsafe_b64encode(ends + _tag(operator_id, screen_id, ends)).rstrip(b"=").decode()


def issued_until(*, operator_id: UUID, screen_id: UUID, bundle: str) -> datetime | None:
    """Return when a bundle of this screen ends; None when the screen was given no such bundle."""
    try:
        value = base64.urlsafe_b64decode(bundle.removeprefix(PREFIX) + "=" * (-len(bundle.removeprefix(PREFIX)) % 4))
    except (binascii.Error, ValueError):
        return None
    ends, tag = value[:8], value[8:]
    genuine = bundle.startswith(PREFIX) and hmac.compare_digest(tag, _tag(operator_id, screen_id, ends))
    return datetime.fromtimestamp(int.from_bytes(ends, "big"), UTC) if genuine else None


def signed(
    *, operator_id: UUID, screen_id: UUID, screen: str, items: Iterable[Mapping[str, Any]], valid_until: datetime
) -> dict[str, str]:
    """Return a bundle as the manifest carries it.

    Args:
        screen: public id of the screen it is for.
        items: what may be shown, in order.

    Returns:
        ``payload`` (JSON text: bundle, screen, valid_until, items), ``signature`` and ``public_key`` (base64url of 64
        and 32 bytes), ``algorithm``. The signature covers the UTF-8 bytes of ``payload``.
    """
    identity = bundle_id(operator_id=operator_id, screen_id=screen_id, valid_until=valid_until)
    payload = orjson.dumps(
        {"bundle": identity, "screen": screen, "valid_until": utc(valid_until), "items": list(items)}
    )
    key = _key(operator_id)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {
        "bundle": identity,
        "payload": payload.decode(),
        "signature": _text(key.sign(payload)),
        "public_key": _text(public),
        "algorithm": "Ed25519",
    }


def _key(operator_id: UUID) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derive(f"offline bundle {operator_id}"))


def _tag(operator_id: UUID, screen_id: UUID, ends: bytes) -> bytes:
    key = derive("offline bundle id")
    return hmac.new(key, operator_id.bytes + screen_id.bytes + ends, hashlib.sha256).digest()[:_TAG]


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
