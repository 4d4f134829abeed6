"""A file gives calibrated probabilities by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from recsys.serving.calibration import Calibration, calibrate, calibrate_rows
from recsys.serving.session import open_session
from recsys.training.folding import fold

CALIBRATIONS = {
    "platt": Calibration(1.7, -0.4),
    "scenes": Calibration(0.8, 0.1, scenes={3: 0.5, 7: -0.25}),
    "both": Calibration(1.0, 0.0, scenes={3: 0.5}, positions={0: 0.3, 2: -0.6}),
}
ENDS = ("sigmoid", "otherwise", "read elsewhere")


def network(end: str, *, takes_scene: bool = True) -> onnx.ModelProto:
    """A graph whose log-odds are (creative + scene) / 10; ``end`` says how its probability comes about."""
    names = ["creative", *(["scene"] if takes_scene else [])]
    nodes = [
        helper.make_node("Add", [names[0], names[-1]], ["sum"]),
        helper.make_node("Cast", ["sum"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "tenth"], ["logit"]),
    ]
    outputs = ["probability"]
    if end == "otherwise":
        nodes += [
            helper.make_node("Sigmoid", ["logit"], ["certain"]),
            helper.make_node("Identity", ["certain"], ["probability"]),
        ]
    else:
        nodes.append(helper.make_node("Sigmoid", ["logit"], ["probability"]))
    if end == "read elsewhere":
        nodes.append(helper.make_node("Neg", ["probability"], ["negative"]))
        outputs.append("negative")
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, TensorProto.INT32, [None, None]) for name in names],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None]) for name in outputs],
        [numpy_helper.from_array(np.float32(0.1), "tenth")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto, feeds: dict[str, Any]) -> list[np.ndarray]:
    """Every output for the inputs that the graph takes."""
    onnx.checker.check_model(model)
    session = open_session(model.SerializeToString())
    return session.run(None, {node.name: feeds[node.name] for node in session.get_inputs()})


@pytest.fixture
def decision() -> dict[str, Any]:
    """Three viewers, of whom two are at scenes with a shift, and four candidates."""
    return {
        "creative": np.array([[-30, -3, 0, 8]], dtype=np.int32),
        "scene": np.array([[3], [7], [1]], dtype=np.int32),
        "position": np.array([[2], [0], [1]], dtype=np.int32),
    }


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("calibration", CALIBRATIONS.values(), ids=CALIBRATIONS)
def test_the_folded_graph_gives_what_calibrating_its_scores_gives(calibration, end, decision):
    raw = run(network(end), decision)
    folded = network(end)

    fold(folded.graph, calibration)

    found = run(folded, decision)
    assert folded.graph.output[0].name == "probability"
    np.testing.assert_allclose(found[0], calibrate(raw[0], calibration, calibration.shift(decision)), atol=1e-6)
    assert np.abs(found[0] - raw[0]).max() > 0.01
    for other, before in zip(found[1:], raw[1:], strict=True):
        np.testing.assert_array_equal(other, before)


def test_rows_of_a_log_are_calibrated_each_by_its_own_scene(decision):
    rows = dict(decision, creative=np.array([[-3], [0], [8]], dtype=np.int32))
    calibration = CALIBRATIONS["both"]
    raw = run(network("sigmoid"), rows)[0]
    folded = network("sigmoid")

    fold(folded.graph, calibration)

    np.testing.assert_allclose(run(folded, rows)[0][:, 0], calibrate_rows(raw[:, 0], calibration, rows), atol=1e-6)


def test_a_graph_that_knew_no_scene_takes_one_to_be_calibrated_by(decision):
    model = network("sigmoid", takes_scene=False)

    fold(model.graph, CALIBRATIONS["scenes"])

    assert [node.name for node in model.graph.input] == ["creative", "scene"]
    assert run(model, decision)[0].shape == (3, 4)


def test_log_odds_beyond_single_precision_of_the_probability_are_not_cut_off(decision):
    certain = dict(decision, creative=np.array([[300, 400]], dtype=np.int32))
    folded = network("sigmoid")

    fold(folded.graph, Calibration(0.1, 0.0))

    scores = run(folded, certain)[0][2]
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-np.array([301, 401]) * 0.01)), rtol=1e-6)


def test_nothing_changes_where_calibration_would_change_nothing():
    plain, folded = network("sigmoid"), network("sigmoid")

    fold(folded.graph, Calibration())

    assert folded == plain
