"""Tables are read out of a model file without the library that wrote it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.explain.errors import UnreadableTables
from recsys.explain.tables import read_tables

VIEWERS = np.arange(33, dtype=np.float32).reshape(11, 3)
CREATIVES = np.linspace(-1, 1, 40, dtype=np.float32).reshape(20, 2)


def model(*tensors):
    names = [tensor.name for tensor in tensors]
    graph = onnx.helper.make_graph([], "tables", [], [], list(tensors))
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], doc_string=", ".join(names))
    return made.SerializeToString()


CONTENT = model(
    onnx.numpy_helper.from_array(VIEWERS, "network/viewer_table"),
    onnx.numpy_helper.from_array(np.arange(5, dtype=np.int64), "network/shape"),
    onnx.numpy_helper.from_array(CREATIVES, "network/creative_table"),
    onnx.helper.make_tensor("network/listed", onnx.TensorProto.FLOAT, [2, 1], [1.0, 2.0]),
)
NAMES = {"viewer": "network/viewer_table", "creative": "network/creative_table", "history": "network/creative_table"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(CONTENT)
    return path


def test_each_feature_finds_its_table(file):
    tables = read_tables(file, NAMES)

    assert tables["viewer"].tolist() == VIEWERS.tolist()
    assert tables["history"].tolist() == CREATIVES.tolist()
    assert not tables["viewer"].flags.writeable


def test_a_missing_table_is_named(file):
    with pytest.raises(UnreadableTables, match="no table for mood, speed"):
        read_tables(file, NAMES | {"speed": "x", "mood": "y"})


@pytest.mark.parametrize("name", ["network/shape", "network/listed"], ids=["integers", "not raw"])
def test_a_table_that_is_not_stored_as_raw_float32_is_refused(file, name):
    with pytest.raises(UnreadableTables, match="float32"):
        read_tables(file, {"viewer": name})


@pytest.mark.parametrize("content", [b"not a model", b"\x3a", b"\xff" * 40])
def test_what_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)

    with pytest.raises(UnreadableTables, match="no ONNX model"):
        read_tables(path, NAMES)


def test_a_file_that_is_not_there_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_tables(tmp_path / "gone.onnx", NAMES)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_and_never_crashes(tmp_path_factory, data):
    damaged = bytearray(CONTENT[: data.draw(st.integers(1, len(CONTENT)))])
    for _ in range(data.draw(st.integers(0, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "model.onnx"
    path.write_bytes(bytes(damaged))

    try:
        tables = read_tables(path, NAMES)
    except UnreadableTables:
        return
    assert set(tables) == set(NAMES)
