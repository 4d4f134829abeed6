"""Protection of templates: a secret rotation of the embedding space, one per operator."""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from faceid.errors import ProtectionSealed
from faceid.sealed import KeyWrapper, MasterKey, seal, unseal

SCHEME = "orthonormal-1"
_FIRST_MAGIC = b"VPK1"
"""Beginning of a key as the first version stored it: sealed under the master key itself, without a data key."""
_USE = b"template protection " + SCHEME.encode() + b" "


@dataclass(frozen=True, slots=True, eq=False)
class Protection:
    """A secret random rotation that every embedding of one operator passes through.

    Rotation keeps lengths and angles, so matching works on protected embeddings unchanged (cosine to 2e-7), while
    templates of two operators are unrelated and a stolen table without its key matches nobody's face.

    Known weaknesses, which the design has to live with: the protection is linear, so it falls to a leaked key, and
    to whoever holds as many pairs (plain, protected) as the embedding has dimensions (orthogonal Procrustes problem:
    Schönemann, Psychometrika 31(1), 1966); and **the same template rotated under two keys can be linked**, because
    pairwise cosines survive. So the matrix is stored only sealed, and every operator takes a fresh capture instead of
    copying a template.

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
    def open(cls, sealed: bytes, wrappers: Iterable[KeyWrapper], owner: bytes) -> Self:
        """Open what :meth:`seal` sealed.

        Raises:
            ProtectionSealed: no wrapping key in use fits, another owner's key, or bytes that were altered.
        """
        first = is_first_version(sealed)
        plain = _opened_first(sealed, wrappers) if first else unseal(sealed, wrappers, context_of(owner))
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
        self._require(embeddings)
        return _unit(embeddings.astype(np.float32, copy=False) @ self._matrix)

    def remove(self, templates: NDArray[np.float32]) -> NDArray[np.float32]:
        """Undo :meth:`apply`: whoever holds the key gets the embeddings back.

        Args:
            templates: what :meth:`apply` returned, float32, shape (dimension,) or (n, dimension).

        Returns:
            Unit vectors of the same shape.

        Raises:
            ValueError: the last axis is not ``dimension`` long.
        """
        self._require(templates)
        return _unit(templates.astype(np.float32, copy=False) @ self._matrix.T)

    def move(self, templates: NDArray[np.float32], to: "Protection") -> NDArray[np.float32]:
        """Carry templates from this key to another without a new capture, and without an embedding in between.

        A template is t1 = e R1, so t2 = t1 (R1ᵀ R2) = e R2. Computed in float64, so that a chain of rotations keeps
        cosines as well as one does.

        Args:
            templates: protected under this key, float32, shape (dimension,) or (n, dimension).
            to: the key they shall be protected with, of the same dimension.

        Returns:
            Unit vectors of the same shape, protected under ``to``.

        Raises:
            ValueError: the dimensions differ.
        """
        self._require(templates)
        if to.dimension != self.dimension:
            raise ValueError(f"A key of {self.dimension} numbers cannot be exchanged for one of {to.dimension}.")
        step = self._matrix.T.astype(np.float64) @ to._matrix.astype(np.float64)
        return _unit(templates.astype(np.float64) @ step)

    def seal(self, wrapper: KeyWrapper, owner: bytes) -> bytes:
        """Seal the key for storage: see :func:`faceid.sealed.seal`.

        Args:
            wrapper: the key that wraps the data key; it lies outside the database.
            owner: whose key this is; another owner's bytes do not open in its place.
        """
        return seal(self._matrix.astype("<f4").tobytes(), wrapper, context_of(owner))

    def _require(self, vectors: NDArray[np.float32]) -> None:
        if vectors.shape[-1] != self.dimension:
            raise ValueError(f"This key protects {self.dimension} numbers, but the embedding has {vectors.shape[-1]}.")


def context_of(owner: bytes) -> bytes:
    """Return the context under which an owner's key is sealed, for :func:`faceid.sealed.rewrap`."""
    return _USE + owner


def is_first_version(sealed: bytes) -> bool:
    """Return whether a key was sealed by the first version, under the master key itself: it cannot be rewrapped."""
    return sealed.startswith(_FIRST_MAGIC)


def _opened_first(sealed: bytes, wrappers: Iterable[KeyWrapper]) -> bytes:
    for wrapper in wrappers:
        if isinstance(wrapper, MasterKey):
            with suppress(ProtectionSealed):
                return wrapper.unwrap(sealed[len(_FIRST_MAGIC) :], SCHEME.encode())
    raise ProtectionSealed(
        "The operator's protection key cannot be opened.",
        expected="bytes sealed under the master key in use.",
        remedy="Check that the master key is the one the key was made with; restore the key from backup.",
    )


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.maximum(length, np.finfo(np.float32).tiny)).astype(np.float32)
    return unit


def _gaussian(dimension: int) -> NDArray[np.float64]:
    """Draw (dimension, dimension) normal numbers from ``os.urandom`` (Box and Muller, 1958)."""
    raw = np.frombuffer(os.urandom(16 * dimension * dimension), dtype=np.uint64).reshape(2, dimension, dimension)
    uniform = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    normal: NDArray[np.float64] = np.sqrt(-2.0 * np.log(uniform[0])) * np.cos(2.0 * np.pi * uniform[1])
    return normal
