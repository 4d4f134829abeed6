"""Envelope encryption: a fresh data key for every value, and that data key wrapped by a key that lies elsewhere."""

import hashlib
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from faceid.errors import ProtectionSealed

KEY_BYTES: Final = 32
_MAGIC = b"VEN1"
_NONCE = 12
_LENGTHS = struct.Struct("!BH")
"""Bytes of the wrapping key's name, bytes of the wrapped data key."""


class KeyWrapper(Protocol):
    """Whoever can wrap and unwrap a data key: a key held here, or a key management service that never gives its own."""

    @property
    def name(self) -> str:
        """Which key wraps: 1 to 255 ASCII characters, not secret, the same as long as the key is the same."""
        ...

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Encrypt a data key of 32 bytes; ``context`` must be passed again to unwrap it. At most 65,535 bytes."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt a data key.

        Raises:
            ProtectionSealed: wrapped by another key or for another context, or altered.
        """
        ...


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A wrapping key of 32 secret bytes in this process's memory (AES-256-GCM).

    Raises:
        ValueError: the key has another length.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise ValueError(f"A master key has {KEY_BYTES} bytes, not {len(self.key)}.")

    @property
    def name(self) -> str:
        """``master:`` and 16 hexadecimal digits of a digest of the key."""
        return "master:" + hashlib.sha256(b"name of a master key" + self.key).hexdigest()[:16]

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Encrypt a data key: 12 bytes nonce, ciphertext, 16 bytes tag."""
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self.key).encrypt(nonce, data_key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt a data key.

        Raises:
            ProtectionSealed: wrapped by another key or for another context, or altered.
        """
        return _decrypt(self.key, wrapped, context)


@dataclass(frozen=True, slots=True)
class _Envelope:
    wrapper: str
    wrapped: bytes = field(repr=False)
    body: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        name = self.wrapper.encode("ascii")
        return _MAGIC + _LENGTHS.pack(len(name), len(self.wrapped)) + name + self.wrapped + self.body


def seal(plain: bytes, wrapper: KeyWrapper, context: bytes) -> bytes:
    """Encrypt a value under a data key of its own.

    Args:
        context: what the value is and whose; it is authenticated, not stored, and must be passed again to open.

    Returns:
        ``VEN1``, the lengths and bytes of the wrapping key's name and of the wrapped data key, nonce, ciphertext, tag
        (AES-256-GCM, NIST SP 800-38D; the envelope is the key hierarchy of NIST SP 800-57 part 1, section 5.3).
    """
    data_key, nonce = AESGCM.generate_key(8 * KEY_BYTES), os.urandom(_NONCE)
    body = nonce + AESGCM(data_key).encrypt(nonce, plain, _MAGIC + context)
    return _Envelope(wrapper.name, wrapper.wrap(data_key, context), body).to_bytes()


def unseal(sealed: bytes, wrappers: Iterable[KeyWrapper], context: bytes) -> bytes:
    """Decrypt a value with whichever of the wrapping keys it names.

    Raises:
        ProtectionSealed: none of the keys wrapped it, it was sealed for another context, or it was altered.
    """
    envelope = _read(sealed)
    data_key = _wrapper(envelope, wrappers).unwrap(envelope.wrapped, context)
    return _decrypt(data_key, envelope.body, _MAGIC + context)


def rewrap(sealed: bytes, wrappers: Iterable[KeyWrapper], new: KeyWrapper, context: bytes) -> bytes:
    """Wrap the data key of a value anew; the encrypted value itself stays byte for byte.

    Raises:
        ProtectionSealed: none of ``wrappers`` wrapped it, it was sealed for another context, or it was altered.
    """
    envelope = _read(sealed)
    data_key = _wrapper(envelope, wrappers).unwrap(envelope.wrapped, context)
    _decrypt(data_key, envelope.body, _MAGIC + context)  # an envelope that cannot be opened is not worth keeping
    return _Envelope(new.name, new.wrap(data_key, context), envelope.body).to_bytes()


def wrapper_of(sealed: bytes) -> str:
    """Return the name of the key that wrapped a value.

    Raises:
        ProtectionSealed: this is no sealed value.
    """
    return _read(sealed).wrapper


def _read(sealed: bytes) -> _Envelope:
    begin = len(_MAGIC) + _LENGTHS.size
    if not sealed.startswith(_MAGIC) or len(sealed) < begin:
        raise _refused()
    name_length, wrapped_length = _LENGTHS.unpack_from(sealed, len(_MAGIC))
    name, rest = sealed[begin : begin + name_length], sealed[begin + name_length :]
    if not name.isascii():
        raise _refused()
    return _Envelope(name.decode("ascii"), rest[:wrapped_length], rest[wrapped_length:])


def _wrapper(envelope: _Envelope, wrappers: Iterable[KeyWrapper]) -> KeyWrapper:
    for wrapper in wrappers:
        if wrapper.name == envelope.wrapper:
            return wrapper
    raise _refused(f"a value wrapped by a key in use, not by {envelope.wrapper!r}.")


def _decrypt(key: bytes, sealed: bytes, context: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], context)
    except (InvalidTag, ValueError):
        raise _refused() from None


def _refused(expected: str = "bytes sealed under the master key in use.") -> ProtectionSealed:
    return ProtectionSealed(
        "The operator's protection key cannot be opened.",
        expected=expected,
        remedy="Check that the master key is the one the key was sealed with; restore the key from backup.",
    )
