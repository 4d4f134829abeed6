"""Protection of templates: a secret rotation of the embedding space, one per operator."""

import hashlib
import os
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from faceid.errors import ProtectionSealed

SCHEME = "orthonormal-1"
MASTER_KEY_BYTES = 32
_NONCE_BYTES = 12
_MAGIC = b"VPK1"


@dataclass(frozen=True, slots=True, eq=False)
class Protection:
    """A secret random rotation that every embedding of one operator passes through.

    Rotation keeps lengths and angles, so matching works on protected embeddings unchanged (cosine to 2e-7), while
    templates of two operators are unrelated and a stolen table without its key matches nobody's face.

    Known weaknesses, which the design has to live with: the protection is linear, so it falls to a leaked key, and
    to whoever holds as many pairs (plain, protected) as the embedding has dimensions; and **the same template rotated
    under two keys can be linked**, because pairwise cosines survive. So the matrix is stored only sealed under a
    master key, and every operator takes a fresh capture instead of copying a template.

    Attributes:
        key_id: 16 hexadecimal digits of a digest of the matrix; not secret.
    """

    key_id: str
    _matrix: NDArray[np.float32] = field(repr=False)

    @classmethod
    def generate(cls, dimension: int = 128) -> Self:
        """Draw a rotation uniformly (Haar measure) from the operating system's random source.

        Args:
            dimension: numbers in one embedding.

        QR of a Gaussian matrix with the signs of R's diagonal moved into Q: Mezzadri, Notices AMS 54(5), 2007.
        """
        q, r = np.linalg.qr(_gaussian(dimension))
        return cls._of((q * np.sign(np.diag(r))).astype(np.float32))

    @classmethod
    def from_bytes(cls, sealed: bytes, master_key: bytes) -> Self:
        """Open what :meth:`to_bytes` sealed.

        Raises:
            ProtectionSealed: another master key, or bytes that were altered.
        """
        header = len(_MAGIC) + _NONCE_BYTES
        nonce = sealed[len(_MAGIC) : header]
        try:
            if not sealed.startswith(_MAGIC) or len(nonce) != _NONCE_BYTES:
                raise InvalidTag
            plain = _cipher(master_key).decrypt(nonce, sealed[header:], _associated())
        except InvalidTag:
            raise ProtectionSealed(
                "The operator's protection key cannot be opened.",
                expected="bytes sealed under the master key in use.",
                remedy="Check that the master key is the one the key was made with; restore the key from backup.",
            ) from None
        values = np.frombuffer(plain, dtype="<f4").astype(np.float32)
        dimension = round(values.size**0.5)
        return cls._of(values.reshape(dimension, dimension))

    @classmethod
    def _of(cls, matrix: NDArray[np.float32]) -> Self:
        digest = hashlib.sha256(SCHEME.encode() + matrix.astype("<f4").tobytes()).hexdigest()
        return cls(digest[:16], matrix)

    @property
    def dimension(self) -> int:
        """Numbers in one embedding."""
        return len(self._matrix)

    @property
    def name(self) -> str:
        """Scheme and key id, as the embedding contract records them."""
        return f"{SCHEME}:{self.key_id}"

    def apply(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rotate embeddings.

        Args:
            embeddings: unit vectors, float32, shape (dimension,) or (n, dimension).

        Returns:
            Unit vectors of the same shape.

        Raises:
            ValueError: the last axis is not ``dimension`` long.
        """
        if embeddings.shape[-1] != self.dimension:
            raise ValueError(
                f"This key protects {self.dimension} numbers, but the embedding has {embeddings.shape[-1]}."
            )
        rotated: NDArray[np.float32] = embeddings.astype(np.float32, copy=False) @ self._matrix
        length = np.linalg.norm(rotated, axis=-1, keepdims=True)
        protected: NDArray[np.float32] = rotated / np.maximum(length, np.finfo(np.float32).tiny)
        return protected

    def to_bytes(self, master_key: bytes) -> bytes:
        """Seal the key for storage with AES-256-GCM.

        Args:
            master_key: 32 secret bytes that are kept outside the database.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return _MAGIC + nonce + _cipher(master_key).encrypt(nonce, self._matrix.astype("<f4").tobytes(), _associated())


def _gaussian(dimension: int) -> NDArray[np.float64]:
    """Draw (dimension, dimension) normal numbers from ``os.urandom`` (Box and Muller, 1958)."""
    raw = np.frombuffer(os.urandom(16 * dimension * dimension), dtype=np.uint64).reshape(2, dimension, dimension)
    uniform = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    normal: NDArray[np.float64] = np.sqrt(-2.0 * np.log(uniform[0])) * np.cos(2.0 * np.pi * uniform[1])
    return normal


def _associated() -> bytes:
    return SCHEME.encode()


def _cipher(master_key: bytes) -> AESGCM:
    if len(master_key) != MASTER_KEY_BYTES:
        raise ValueError(f"A master key has {MASTER_KEY_BYTES} bytes, not {len(master_key)}.")
    return AESGCM(master_key)
