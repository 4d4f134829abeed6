"""A smaller file is offered only where it ranks as well."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from recsys.columns import Words
from recsys.features import DEFAULT_SPEC
from recsys.serving.metadata import SPLIT, Calibration, ModelMetadata
from recsys.serving.session import open_session
from recsys.training.dataset import Examples
from recsys.training.quantise import judge, quantise, quantise_file
from recsys.training.report import ArtefactReport
from recsys.training.request import QUANTISATIONS

CREATIVES, WIDTH, ROWS = 2_000, 16, 3_000


def model(table: np.ndarray) -> bytes:
    """A ranking graph: the vectors of creatives times the weights of a layer, and the hour to make it a pair."""
    weights = np.random.default_rng(1).normal(size=(WIDTH, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "creative"], ["vectors"]),
        helper.make_node("MatMul", ["vectors", "weights"], ["products"]),
        helper.make_node("Squeeze", ["products", "last"], ["candidates"]),
        helper.make_node("Cast", ["hour"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "zero"], ["viewers"]),
        helper.make_node("Add", ["candidates", "viewers"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    graph = helper.make_graph(
        nodes,
        "ranking",
        [helper.make_tensor_value_info(name, TensorProto.INT32, [None, None]) for name in ("creative", "hour")],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, None])],
        [
            numpy_helper.from_array(table.astype(np.float32), "table"),
            numpy_helper.from_array(weights, "weights"),
            helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
            helper.make_tensor("last", TensorProto.INT64, [1], [2]),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    about = ModelMetadata("din", DEFAULT_SPEC.digest, "data", "now", Calibration(1.5, 0.1), SPLIT)
    helper.set_model_props(made, about.properties())
    return bytes(made.SerializeToString())


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(CREATIVES, WIDTH))


@pytest.fixture(scope="module")
def later(table) -> Examples:
    """Rows whose labels follow the scores of the full model, with noise."""
    random = np.random.default_rng(2)
    feeds = {
        "creative": random.integers(0, CREATIVES, (ROWS, 1), dtype=np.int32),
        "hour": np.zeros((ROWS, 1), dtype=np.int32),
    }
    scores = open_session(model(table)).run(None, feeds)[0][:, 0]
    labels = (random.random(ROWS) < scores).astype(np.float32)
    nothing = Words(("",), np.zeros(ROWS, dtype=np.int32))
    return Examples(feeds, labels, np.zeros(ROWS, dtype=np.int64), nothing, nothing, nothing, nothing)


@pytest.mark.parametrize(("method", "share"), [("float16", 0.55), ("int8", 0.33)])
def test_a_file_that_ranks_as_well_is_offered_with_its_size(table, later, method, share):
    content = model(table)

    smaller, report = judge(content, method, later.feeds, later.labels, DEFAULT_SPEC)

    assert report.refused == ""
    assert abs(report.auc - report.full_auc) < 0.0005
    assert 0 < report.difference < 0.03
    assert 0.7 < report.full_auc < 1
    assert (report.bytes, report.full_bytes) == (len(smaller), len(content))
    assert report.bytes < share * report.full_bytes


def test_a_file_that_ranks_otherwise_is_not_offered(table, later):
    spoilt = table.copy()
    spoilt[0] = 1e4  # one row far away leaves one step of a byte for all the others

    _, report = judge(model(spoilt), "int8", later.feeds, later.labels, DEFAULT_SPEC)

    assert report.refused.startswith("AUC moves by 0.")
    assert report.auc < report.full_auc - 0.05


def test_a_file_that_gives_no_numbers_is_refused(table, later):
    beyond = table.copy()
    beyond[:, 0], beyond[:, 1] = 1e6, -1e6  # further than half precision reaches: infinity less infinity

    _, report = judge(model(beyond), "float16", later.feeds, later.labels, DEFAULT_SPEC)

    assert report.refused == "its scores are no numbers"
    assert (report.auc, report.difference) == (None, None)


def test_the_smaller_file_takes_the_place_of_the_full_one(table, later, tmp_path):
    content = model(table)
    full = ArtefactReport("full.onnx", "digest", len(content), 1e-7)
    (tmp_path / full.file).write_bytes(content)

    artefact, report = quantise_file(full, "float16", folder=tmp_path, test=later, spec=DEFAULT_SPEC)

    assert [path.name for path in tmp_path.iterdir()] == [artefact.file]
    assert sha256((tmp_path / artefact.file).read_bytes()).hexdigest() == artefact.digest
    assert artefact.bytes == report.bytes
    assert artefact.parity == 1e-7 + report.difference


def test_a_refused_file_leaves_the_full_one_alone(table, later, tmp_path):
    table = table.copy()
    table[0] = 1e4
    full = ArtefactReport("full.onnx", "digest", 1, 1e-7)
    (tmp_path / full.file).write_bytes(model(table))

    artefact, _ = quantise_file(full, "int8", folder=tmp_path, test=later, spec=DEFAULT_SPEC)

    assert artefact is full
    assert [path.name for path in tmp_path.iterdir()] == ["full.onnx"]


@pytest.mark.parametrize("method", QUANTISATIONS)
def test_it_says_what_the_full_file_said_and_how_it_was_made_smaller(table, method):
    content = model(table)

    smaller = quantise(content, method)

    said = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    assert open_session(smaller).get_modelmeta().custom_metadata_map == said | {"vitrine.quantised": method}


def test_half_precision_touches_nothing_but_tables(table):
    tensors = {each.name: each for each in onnx.load_from_string(quantise(model(table), "float16")).graph.initializer}

    assert tensors["table"].data_type == TensorProto.FLOAT16
    assert tensors["weights"].data_type == TensorProto.FLOAT
    np.testing.assert_array_equal(numpy_helper.to_array(tensors["table"]), table.astype(np.float32).astype(np.float16))
