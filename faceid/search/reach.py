"""Which 8-bit rows may reach a bar: one integer product of many rows with many probes, without their products.

onnxruntime multiplies the rows with the probes and scales the product of each pair so that what is below the bar rounds
to zero, all in the processor's cache: one byte per pair leaves it instead of four, and hardly any is not zero.
Threads of ours share the work, tile by tile: onnxruntime's own were seen to wait for each other on one processor
(:mod:`faceid.search.crew`).

Rows of more than 128 numbers are kept in parts (`octets.widths_of`): the products of all but the last are added up
as 32-bit integers, which the last then begins with.
"""

import functools
from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from faceid.search.crew import Crew
from faceid.search.octets import ZERO, Octets

_LEAST = 2
"""Products below which the bar cannot be told from zero: then every row may reach it."""

_ROUNDING = 1e-6
"""Room for float32 in the scaling, of which it needs a tenth."""

_ROWS_BYTES = 8 << 20
"""Of rows multiplied at once: what that makes stays in the processor's cache."""

_WORD = 8
_FLOAT, _UINT8, _INT8 = 1, 2, 3
_NOWHERE = np.empty(0, dtype=np.intp)


class Reach:
    """The product with its comparison; safe to share between threads."""

    def __init__(self, parts: int) -> None:
        """Prepare for rows in so many parts."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(_model(parts), options, providers=["CPUExecutionProvider"])

    def __call__(
        self, octets: Sequence[NDArray[np.uint8]], probes: Sequence[Octets], bars: Sequence[float], crew: Crew
    ) -> list[NDArray[np.intp]]:
        """Return for each probe the rows whose cosine may be at least its bar, ascending; perhaps some more.

        Args:
            octets: parts of the rows, uint8, shape (n, width) each.
            probes: in 8 bits.
            bars: of the probes.
            crew: shares the work.
        """
        count, left, given = len(probes), 0, dict[str, NDArray[np.generic]]()
        leasts = np.array([probe.least(bar) for probe, bar in zip(probes, bars, strict=True)], dtype=np.float64)
        scales = 0.5 / (np.maximum(leasts, _LEAST) - 1) * (1 + _ROUNDING)
        integers = np.stack([probe.integers for probe in probes], axis=1)
        given = {"scale": scales.astype(np.float32), "zeros": np.zeros(count, dtype=np.int8)}
        for number, part in enumerate(octets):
            given[f"probes{number}"] = integers[left : left + part.shape[1]]
            left += part.shape[1]
        step = max(1, min(_ROWS_BYTES // left, -(-len(octets[0]) // crew.size)))
        places = [_NOWHERE] * -(-len(octets[0]) // step)

        def tile(number: int) -> None:
            begin = number * step
            rows = {f"rows{number}": part[begin : begin + step] for number, part in enumerate(octets)}
            places[number] = _nonzero(self._session.run(None, given | rows)[0].ravel()) + begin * count

        crew.work(tile, len(places))
        reached, of = np.divmod(np.concatenate([_NOWHERE, *places]), count)
        order = np.argsort(of, kind="stable")
        ends = np.searchsorted(of[order], np.arange(1, count))
        return [
            np.arange(len(octets[0])) if least < _LEAST else mine
            for least, mine in zip(leasts, np.split(reached[order], ends), strict=True)
        ]


@functools.cache
def reach_of(parts: int) -> Reach:
    """Return the process's product for rows in so many parts; made when it is first needed."""
    return Reach(parts)


def _nonzero(octets: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return where octets are not zero; few are, and looking for words first takes an eighth of the time."""
    whole = len(octets) // _WORD * _WORD
    words = np.flatnonzero(octets[:whole].view(np.uint64) != 0)
    within = np.flatnonzero(octets[:whole].reshape(-1, _WORD).take(words, axis=0))
    places: NDArray[np.intp] = words.take(within // _WORD) * _WORD + within % _WORD
    return np.concatenate([places, whole + np.flatnonzero(octets[whole:])])


def _model(parts: int) -> bytes:
    """Write the ONNX file; its protocol buffer is written here by hand.

    Field numbers: onnx.proto3 of ONNX IR version 8. Operators: MatMulInteger and Add of operator set 13, and
    onnxruntime's QGemm, set 1 of its own.
    """
    last, nodes, total = parts - 1, b"", b""
    for number in range(last):
        made = f"product{number}".encode()
        nodes += _node("MatMulInteger", f"rows{number}", f"probes{number}", "zero", "zeros", made.decode())
        if total:
            nodes += _node("Add", total.decode(), made.decode(), f"total{number}")
            made = f"total{number}".encode()
        total = made
    nodes += _node(
        "QGemm", f"rows{last}", "one", "zero", f"probes{last}", "scale", "zeros", total.decode(), "one", "nothing",
        "y", domain=b"com.microsoft",
    )  # fmt: skip
    constants = (
        _constant(b"one", _FLOAT, np.float32(1).tobytes())
        + _constant(b"zero", _UINT8, bytes([ZERO]))
        + _constant(b"nothing", _UINT8, bytes([0]))
    )
    inputs = _value(b"scale", _FLOAT, b"m") + _value(b"zeros", _INT8, b"m")
    for number in range(parts):
        width = f"d{number}".encode()
        inputs += _value(f"rows{number}".encode(), _UINT8, b"n", width)
        inputs += _value(f"probes{number}".encode(), _INT8, width, b"m")
    outputs = _field(12, _described(b"y", _UINT8, b"n", b"m"))
    graph = nodes + _field(2, b"reach") + constants + inputs + outputs
    sets = _field(8, _field(1, b"") + _number(2, 13)) + _field(8, _field(1, b"com.microsoft") + _number(2, 1))
    return _number(1, 8) + _field(7, graph) + sets


def _node(operator: str, *names: str, domain: bytes = b"") -> bytes:
    """A node: the last name is that of its output."""
    *given, made = names
    body = b"".join(_field(1, name.encode()) for name in given) + _field(2, made.encode())
    return _field(1, body + _field(4, operator.encode()) + _field(7, domain))


def _constant(name: bytes, kind: int, raw: bytes) -> bytes:
    return _field(5, _number(2, kind) + _field(8, name) + _field(9, raw))


def _value(name: bytes, kind: int, *axes: bytes) -> bytes:
    return _field(11, _described(name, kind, *axes))


def _described(name: bytes, kind: int, *axes: bytes) -> bytes:
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
