"""Signing and checking certificates of erasure (Ed25519, RFC 8032)."""

from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.sealing import derive


def sign(body: Mapping[str, Any]) -> bytes:
    """Return the installation's signature over a certificate's canonical body."""
    return _private().sign(_canonical(body))


def holds(body: Mapping[str, Any], signature: bytes, public: bytes | None = None) -> bool:
    """Return whether a signature fits a body.

    Args:
        public: the installation's public key, 32 bytes; None for this installation.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public_key() if public is None else public).verify(
            signature, _canonical(body)
        )
    except InvalidSignature:
        return False
    return True


def public_key() -> bytes:
    """Return the public key with which anybody can check this installation's certificates, 32 bytes."""
    return _private().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _private() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derive("erasure certificate"))


def _canonical(body: Mapping[str, Any]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
