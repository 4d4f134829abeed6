"""Eight bits per number: a copy a quarter the size of the vectors, multiplied with many probes at once.

Template x and probe q are replaced by integers, ``x' = u (X - 128)`` with X from 1 to 255 and ``q' = v Q`` with Q from
-64 to 64. onnxruntime multiplies them exactly: 255 * 64 * 2 fits the 16-bit pairs in which processors without 8-bit dot
products add up, and the sums fit 32 bits. Nothing at or above a threshold is missed, because

``|q.x - q'.x'| <= |q.(x - x')| + |(q - q').x'| <= |q| |x - x'| + |q - q'| (|x| + |x - x'|)``

by the triangle inequality and Cauchy and Schwarz, where ``|x - x'|`` is at most the ``residual`` that was measured when
the copy was made and ``|q - q'|`` is measured for each probe.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceid.search.columns import UNIT_TOLERANCE

ZERO = 128
"""Code of the number 0."""

_PROBE_RANGE = 64
_WIDEST = 128
_ROUNDING = 1e-5
_FLOAT_ROWS = 8192
_CODED = 1024


def widths_of(dimension: int) -> tuple[int, ...]:
    """Return how many numbers of each row lie together: beyond 128 the product takes twice as long for each."""
    parts = next(
        (parts for parts in range(1, dimension) if dimension % parts == 0 and dimension // parts <= _WIDEST), 1
    )
    return (dimension // parts,) * parts


@dataclass(frozen=True, slots=True)
class Steps:
    """The evenly spaced levels of the copy.

    Attributes:
        step: distance of two levels.
        residual: largest distance of a vector from its copy.
    """

    step: float
    residual: float

    @classmethod
    def fitted(cls, vectors: NDArray[np.float32]) -> tuple["Steps", NDArray[np.uint8]]:
        """Choose the finest levels that reach every number of vectors, shape (n, dimension) with n >= 1.

        Returns:
            The levels, and the number of the nearest one of each number, 1 to 255, uint8, same shape.
        """
        step = max(float(vectors.max()), -float(vectors.min())) / 127
        step, largest, codes = max(step, 1e-9), 0.0, np.empty(vectors.shape, dtype=np.uint8)
        for begin in range(0, len(vectors), _CODED):  # in pieces, since there may be a million
            part = slice(begin, begin + _CODED)
            levels = np.clip(np.rint(vectors[part] / np.float32(step)), -127, 127)
            codes[part] = levels + ZERO
            away = vectors[part] - levels * np.float32(step)
            largest = max(largest, float(np.einsum("ij,ij->i", away, away).max()))
        return cls(step, float(np.sqrt(largest)) + 1e-6), codes

    def probe(self, vector: NDArray[np.float32]) -> "Octets":
        """Return the integers of a probe, float32, shape (dimension,), and how to read its products."""
        return self.probes(vector[None])[0]

    def probes(self, vectors: NDArray[np.float32]) -> list["Octets"]:
        """Return :meth:`probe` of many, float32, shape (n, dimension)."""
        units = np.maximum(np.abs(vectors).max(axis=1, initial=0.0).astype(np.float64) / _PROBE_RANGE, 1e-9)
        wide = vectors.astype(np.float64)
        integers = np.rint(wide / units[:, None]).astype(np.int8)
        away = np.linalg.norm(wide - integers * units[:, None], axis=1)
        lengths = np.linalg.norm(wide, axis=1)
        errors = lengths * self.residual + away * (1 + UNIT_TOLERANCE + self.residual) + _ROUNDING
        return [Octets(*one) for one in zip(integers, (units * self.step).tolist(), errors.tolist(), strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class Octets:
    """A probe in 8 bits.

    Attributes:
        integers: -64 to 64, int8, shape (dimension,).
        unit: score of one step of the product.
        error: what scores made from products may be off by.
    """

    integers: NDArray[np.int8]
    unit: float
    error: float

    def least(self, threshold: float) -> int:
        """Return the product below which no row can reach the threshold."""
        # Beyond the range of the sums it means none or all.
        return int(np.clip(np.floor((threshold - self.error) / self.unit), -(2.0**29), 2.0**29))

    def highest(self, products: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return cosines that the rows of these products do not exceed."""
        highest: NDArray[np.float64] = products * self.unit + self.error
        return highest


def products(octets: Sequence[NDArray[np.uint8]], integers: NDArray[np.int8]) -> NDArray[np.float64]:
    """Multiply rows with one probe, exactly: float32 holds all whole numbers that occur in a part of 2,048 numbers.

    Args:
        octets: parts of the rows, uint8, shape (n, width) each.
        integers: the probe, int8, shape (dimension,).

    Returns:
        float64, shape (n,).
    """
    total, left = np.zeros(len(octets[0])), 0
    for part in octets:
        its = integers[left : left + part.shape[1]].astype(np.float32)
        for begin in range(0, len(part), _FLOAT_ROWS):
            rows = part[begin : begin + _FLOAT_ROWS].astype(np.float32)
            # No matrix product: numpy's would begin threads that keep a processor busy while ours want it.
            total[begin : begin + _FLOAT_ROWS] += np.einsum("ij,j->i", rows - np.float32(ZERO), its)
        left += part.shape[1]
    return total
