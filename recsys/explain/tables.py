"""Rows of the embedding tables inside a model file, read where they lie on disk.

The file is mapped, not loaded: explaining one score touches some tens of rows of tables that may hold millions. ONNX
files are protocol buffers; of their wire format only what leads to a tensor's bytes is read here (Protocol Buffers,
"Encoding"; ONNX, `onnx.proto3`: ModelProto.graph is field 7, GraphProto.initializer 5, TensorProto has dims 1,
data_type 2, name 8 and raw_data 9).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.explain.errors import UnreadableTables

GRAPH, INITIALIZER = 7, 5
DIMENSIONS, DATA_TYPE, NAME, RAW_DATA = 1, 2, 8, 9
FLOAT = 1
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Field = tuple[int, int, int]
"""Number of a field and the span of its value: first byte and the byte behind, or the value itself and -1."""


def read_tables(path: Path, names: Mapping[str, str]) -> dict[str, NDArray[np.float32]]:
    """Map the embedding tables of a model file.

    Args:
        names: the initialiser that holds the table of each feature.

    Returns:
        For each feature float32, shape (vocabulary size, width), read-only and read from disk as it is touched.

    Raises:
        UnreadableTables: the file is no ONNX model, or a table is not in it as float32.
        FileNotFoundError: there is no such file.
    """
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    wanted = set(names.values())
    try:
        graph = next((first, behind) for number, first, behind in _fields(content, 0, len(content)) if number == GRAPH)
        found = dict(_tensors(content, graph, wanted))
    except (IndexError, ValueError, StopIteration) as error:
        raise UnreadableTables(f"{path.name[:16]} is no ONNX model: {error!r}") from error
    missing = sorted(feature for feature, name in names.items() if name not in found)
    if missing:
        raise UnreadableTables(f"{path.name[:16]} holds no table for {', '.join(missing)}")
    return {feature: found[name] for feature, name in names.items()}


def _tensors(content: mmap.mmap, graph: tuple[int, int], wanted: set[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for number, first, behind in _fields(content, *graph):
        if number == INITIALIZER:
            fields = list(_fields(content, first, behind))
            name = "".join(content[start:end].decode() for number, start, end in fields if number == NAME)
            if name in wanted:
                yield name, _tensor(content, fields)


def _tensor(content: mmap.mmap, fields: list[Field]) -> NDArray[np.float32]:
    shape = [size for field in fields if field[0] == DIMENSIONS for size in _sizes(content, field)]
    kinds = [value for number, value, _ in fields if number == DATA_TYPE]
    spans = [(first, behind) for number, first, behind in fields if number == RAW_DATA]
    if kinds != [FLOAT] or len(spans) != 1:
        raise ValueError("a table is not stored as float32")
    first, behind = spans[0]
    return np.frombuffer(content, dtype="<f4", count=(behind - first) // 4, offset=first).reshape(shape)


def _sizes(content: mmap.mmap, field: Field) -> Iterator[int]:
    _, first, behind = field
    if behind < 0:
        yield first
        return
    while first < behind:
        size, first = _varint(content, first)
        yield size


def _fields(content: mmap.mmap, first: int, behind: int) -> Iterator[Field]:
    while first < behind:
        key, first = _varint(content, first)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, first = _varint(content, first)
            yield number, value, -1
        elif kind == BYTES:
            size, first = _varint(content, first)
            if first + size > behind:
                raise ValueError("a field ends behind its message")
            yield number, first, first + size
            first += size
        elif kind in (FIXED32, FIXED64):
            first += 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"no field begins with type {kind}")


def _varint(content: mmap.mmap, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number is longer than 64 bits")
