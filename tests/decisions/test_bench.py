"""The measurement measures what it says; nothing here is about speed."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from decisions import bench, services
from recsys.features import DEFAULT_SPEC
from recsys.serving.metadata import SPLIT, Calibration, ModelMetadata


@pytest.fixture
def model(tmp_path: Path, settings) -> Path:
    """A real ONNX file that gives every row one probability."""
    settings.RANKING_MODELS = tmp_path / "ranking"
    nodes = [
        helper.make_node("Add", ["creative", "hour"], ["pairs"]),
        helper.make_node("Cast", ["pairs"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "probability"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "constant",
        [
            helper.make_tensor_value_info("creative", TensorProto.INT32, ["groups", "candidates"]),
            helper.make_tensor_value_info("hour", TensorProto.INT32, ["viewers", 1]),
        ],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["viewers", "candidates"])],
        [
            helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
            helper.make_tensor("probability", TensorProto.FLOAT, [], [0.25]),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    about = ModelMetadata(
        "din", DEFAULT_SPEC.digest, "0" * 64, datetime(2026, 11, 22, tzinfo=UTC).isoformat(), Calibration(), SPLIT
    )
    helper.set_model_props(made, about.properties())
    path = tmp_path / "model.onnx"
    onnx.save(made, path)
    return path


def test_the_bench_decides_with_the_given_model_for_a_recognised_viewer(db, model, monkeypatch, uniform_ranker):
    monkeypatch.undo()  # the bench is about the real ranker
    seen, score = [], services.score
    monkeypatch.setattr(
        services,
        "score",
        lambda *given, **named: seen.append((given[0].version, len(given[3]))) or score(*given, **named),
    )

    rows = bench.decision_ratio(model, rounds=2)

    assert [row.name.split(",")[0] for row in rows] == [*["onnxruntime alone"] * 2, "decide()", "POST /v1/decisions"]
    assert all(row.milliseconds > 0 for row in rows)
    assert (rows[0].ratio, rows[1].apart) == (1.0, 1.0)
    assert [row.queries for row in rows] == [None, None, 5, 4]  # with the savepoints that stand for a transaction here
    assert set(seen) == {(sha256(model.read_bytes()).hexdigest(), bench.CREATIVES)}
