"""Sealing: authenticated encryption of small values under the installation's master key (AES-256-GCM, HKDF per use)."""

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

NONCE = 12


class BrokenSeal(ValueError):
    """The value was not sealed for this use with this key, or was changed since."""


def derive(use: str, length: int = 32) -> bytes:
    """Return a key for one use, derived from the master key (HKDF-SHA256, RFC 5869)."""
    return _derive(settings.MASTER_KEY, use, length)


def seal(use: str, value: bytes) -> bytes:
    """Return ``value`` encrypted and authenticated: 12 bytes nonce, ciphertext, 16 bytes tag."""
    nonce = os.urandom(NONCE)
    return nonce + _cipher(settings.MASTER_KEY, use).encrypt(nonce, value, use.encode())


def unseal(use: str, sealed: bytes) -> bytes:
    """Return what was sealed for this use.

    Raises:
        BrokenSeal: another key, another use, or a changed value.
    """
    try:
        return _cipher(settings.MASTER_KEY, use).decrypt(sealed[:NONCE], sealed[NONCE:], use.encode())
    except (InvalidTag, ValueError) as error:
        raise BrokenSeal(f"This is no value sealed for {use!r} by this installation.") from error


@lru_cache(maxsize=64)
def _cipher(master: bytes, use: str) -> AESGCM:
    """Return the cipher of one use; threads may share it, for it holds the key and nothing of what it encrypts."""
    return AESGCM(_derive(master, use, 32))


@lru_cache(maxsize=64)
def _derive(master: bytes, use: str, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=use.encode()).derive(master)
