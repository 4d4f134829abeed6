"""Random projections that are the same in every process, on every machine and in every year."""

from __future__ import annotations

from functools import lru_cache
from hashlib import shake_256

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


def unit(vector: NDArray[np.floating]) -> Vector:
    """Bring a vector to length 1; zeros stay zeros."""
    length = float(np.linalg.norm(vector))
    scaled: Vector = (vector / length if length > 1e-12 else vector).astype(np.float32)
    return scaled


@lru_cache(maxsize=8)
def signs(rows: int, columns: int) -> Vector:
    """Draw a matrix of plus and minus one over the root of the columns; float32, shape (rows, columns).

    Products with it keep distances: Achlioptas, "Database-friendly random projections", PODS 2001. The signs are the
    bits of a hash and not of a generator, whose stream may change with its library.
    """
    count = rows * columns
    bits = np.unpackbits(np.frombuffer(shake_256(b"vitrine pictures").digest(-(-count // 8)), dtype=np.uint8))[:count]
    matrix: Vector = ((2.0 * bits - 1.0) / np.sqrt(columns)).astype(np.float32).reshape(rows, columns)
    return matrix
