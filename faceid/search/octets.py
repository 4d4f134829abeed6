"""Eight bits per number: a copy a quarter the size of the vectors, multiplied with many probes at once.

Template x and probe q are replaced by integers, ``x' = u (X - 128)`` with X from 1 to 255 and ``q' = v Q`` with Q from
-64 to 64. onnxruntime multiplies them exactly: 255 * 64 * 2 fits the 16-bit pairs in which processors without 8-bit dot
products add up, and the sums fit 32 bits. Nothing at or above a threshold is missed, because

``|q.x - q'.x'| <= |q.(x - x')| + |(q - q').x'| <= |q| |x - x'| + |q - q'| (|x| + |x - x'|)``

by the triangle inequality and Cauchy and Schwarz, where ``|x - x'|`` is at most the ``residual`` that was measured when
the copy was made and ``|q - q'|`` is measured for each probe.
"""

import functools
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from faceid.search.columns import UNIT_TOLERANCE

ZERO = 128
"""Code of the number 0."""

_PROBE_RANGE = 64
_WIDEST = 256
_ROUNDING = 1e-5
_FLOAT_ROWS = 8192


def widths_of(dimension: int) -> tuple[int, ...]:
    """Return how many numbers of each row lie together: beyond 256 the product takes twice as long for each."""
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
    def fitted(cls, vectors: NDArray[np.float32]) -> "Steps":
        """Choose the finest levels that reach every number of vectors, shape (n, dimension) with n >= 1."""
        step = max(float(np.abs(vectors).max()) / 127, 1e-9)
        return cls(step, _residual(vectors, step))

    def encode(self, vectors: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the number of the nearest level of each number, 1 to 255, uint8, same shape."""
        return _codes(vectors, self.step)

    def probe(self, vector: NDArray[np.float32]) -> "Octets":
        """Return the integers of a probe, float32, shape (dimension,), and how to read its products."""
        unit = max(float(np.abs(vector).max(initial=0.0)) / _PROBE_RANGE, 1e-9)
        integers = np.rint(vector.astype(np.float64) / unit).astype(np.int8)
        away = float(np.linalg.norm(vector.astype(np.float64) - integers * unit))
        length = float(np.linalg.norm(vector))
        error = length * self.residual + away * (1 + UNIT_TOLERANCE + self.residual) + _ROUNDING
        return Octets(integers, unit * self.step, ZERO * int(integers.sum(dtype=np.int64)), error)


@dataclass(frozen=True, slots=True, eq=False)
class Octets:
    """A probe in 8 bits.

    Attributes:
        integers: -64 to 64, int8, shape (dimension,).
        unit: score of one step of the product.
        zero: product of a row of zeros.
        error: what scores made from products may be off by.
    """

    integers: NDArray[np.int8]
    unit: float
    zero: int
    error: float

    def least(self, threshold: float) -> int:
        """Return the product below which no row can reach the threshold."""
        # Beyond the range of the sums it means none or all.
        return self.zero + int(np.clip(np.floor((threshold - self.error) / self.unit), -(2.0**29), 2.0**29))

    def highest(self, products: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return cosines that the rows of these products do not exceed."""
        highest: NDArray[np.float64] = (products.astype(np.float64) - self.zero) * self.unit + self.error
        return highest


class Product:
    """The product of 8-bit rows with 8-bit probes, run by onnxruntime; safe to share between threads."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(_model(), options, providers=["CPUExecutionProvider"])

    def __call__(self, rows: NDArray[np.uint8], probes: NDArray[np.int8]) -> NDArray[np.int32]:
        """Multiply exactly.

        Args:
            rows: uint8, shape (n, dimension).
            probes: int8, -64 to 64, shape (dimension, m).

        Returns:
            int32, shape (n, m).
        """
        products: NDArray[np.int32] = self._session.run(None, {"a": rows, "b": probes})[0]
        return products


@functools.cache
def product() -> Product:
    """Return the process's product; made when it is first needed."""
    return Product()


def _codes(vectors: NDArray[np.float32], step: float) -> NDArray[np.uint8]:
    scaled = np.clip(np.rint(vectors / np.float32(step)), -127, 127)
    codes: NDArray[np.uint8] = (scaled + ZERO).astype(np.uint8)
    return codes


def _residual(vectors: NDArray[np.float32], step: float) -> float:
    """Return the largest distance of a vector from its copy; in pieces, since there may be a million."""
    largest = 0.0
    for begin in range(0, len(vectors), _FLOAT_ROWS):
        part = vectors[begin : begin + _FLOAT_ROWS]
        copies = (_codes(part, step).astype(np.float32) - ZERO) * np.float32(step)
        largest = max(largest, float(np.linalg.norm(part - copies, axis=1).max()))
    return largest + 1e-6


def _model() -> bytes:
    """Write the ONNX file of one ``MatMulInteger`` node; its protocol buffer is written here by hand.

    Field numbers: onnx.proto3 of ONNX IR version 8; the operator: operator set 13.
    """
    node = _field(1, b"a") + _field(1, b"b") + _field(2, b"y") + _field(4, b"MatMulInteger")
    inputs = _field(11, _value(b"a", 2, b"n", b"d")) + _field(11, _value(b"b", 3, b"d", b"m"))
    graph = _field(1, node) + _field(2, b"product") + inputs + _field(12, _value(b"y", 6, b"n", b"m"))
    return _number(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, 13))


def _value(name: bytes, kind: int, *axes: bytes) -> bytes:
    shape = b"".join(_field(1, _field(2, axis)) for axis in axes)
    return _field(1, name) + _field(2, _field(1, _number(1, kind) + _field(2, shape)))


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])
