"""An operator's own liveness network behind the interface of all methods."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from faceid.detect import Face
from faceid.errors import ModelsUnavailable
from faceid.liveness.capture import Capture, Look
from faceid.liveness.plugged import MANIFEST, Plugged, PluggedNetwork, load, square
from faceid.manifest import digest_of
from faceid.session import Limits

SIDE = 16


def _channel_network(path: Path, *, classes: int = 2, inputs: int = 1) -> None:
    """Write a network whose logits are the means of the first channels: class k answers the mean of channel k."""
    pick = np.zeros((3, classes), dtype=np.float32)
    pick[: min(3, classes), : min(3, classes)] = np.eye(min(3, classes), dtype=np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "pick"], ["output"]),
    ]
    shape = [1, 3, SIDE, SIDE]
    takes = [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)]
    if inputs == 2:
        takes.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, [1]))
        nodes.append(helper.make_node("Identity", ["other"], ["unused"]))
    gives = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, classes])]
    graph = helper.make_graph(nodes, "channels", takes, gives, [numpy_helper.from_array(pick, "pick")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def _entry(path: Path, **changes: object) -> dict[str, object]:
    return {
        "name": "own_network",
        "file": path.name,
        "sha256": digest_of(path),
        "side": SIDE,
        "context": 2.7,
        "colours": "bgr",
        "low": 0,
        "high": 1,
        "live_class": 0,
        "answers": "logits",
        "slope": 1.0,
        "intercept": 0.0,
        "weights_licence": "MIT",
        "training_data": "not stated",
        **changes,
    }


@pytest.fixture
def installed(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that installs the channel network with changes to its entry."""

    def install(classes: int = 2, inputs: int = 1, **changes: object) -> Path:
        path = tmp_path / "own.onnx"
        _channel_network(path, classes=classes, inputs=inputs)
        (tmp_path / MANIFEST).write_text(json.dumps({"networks": [_entry(path, **changes)]}))
        return tmp_path

    return install


def _look(colour: tuple[int, int, int], size: tuple[int, int] = (60, 80)) -> Look:
    image = np.full((*size, 3), colour, dtype=np.uint8)
    points = np.array([[30, 25], [50, 25], [40, 35], [33, 45], [47, 45]], dtype=np.float32)
    return Look(image, Face(np.array([25, 12, 30, 40], dtype=np.float32), 0.9, points))


def test_no_manifest_is_no_method(tmp_path: Path) -> None:
    assert load(tmp_path) == ()


def test_score_is_the_log_odds_of_the_live_class(installed: Callable[..., Path]) -> None:
    (method,) = load(installed())

    evidence = method.judge(Capture((_look((0, 51, 204)),)))

    # In BGR, channel 0 is blue: 204 / 255 = 0.8; channel 1 is green: 51 / 255 = 0.2.
    assert evidence.method == "own_network"
    assert evidence.score == pytest.approx(0.6, abs=1e-5)
    assert dict(evidence.figures)["network_probability"] == pytest.approx(1 / (1 + np.exp(-0.6)), abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "score"),
    [
        ({"colours": "rgb"}, -0.2),
        ({"live_class": 1}, -0.6),
        ({"low": -1, "high": 1}, 1.2),
        ({"slope": 2.0, "intercept": -1.0}, 0.2),
        ({"answers": "probabilities"}, np.log(0.8 / 0.2)),
    ],
)
def test_manifest_decides_how_the_network_is_fed_and_read(
    installed: Callable[..., Path], changes: dict[str, object], score: float
) -> None:
    (method,) = load(installed(**changes))

    assert method.judge(Capture((_look((0, 51, 204)),))).score == pytest.approx(score, abs=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"side": "large"},
        {"side": 4},
        {"context": 0.0},
        {"colours": "cmyk"},
        {"live_class": -1},
        {"live_class": True},
        {"slope": -1.0},
        {"low": 1, "high": 1},
        {"file": "../own.onnx"},
        {"surprise": 1},
    ],
)
def test_nonsense_in_the_manifest_is_refused(installed: Callable[..., Path], changes: dict[str, object]) -> None:
    directory = installed(**changes)

    with pytest.raises(ModelsUnavailable, match=MANIFEST):
        load(directory)


def test_an_altered_file_is_refused(installed: Callable[..., Path]) -> None:
    directory = installed()
    with (directory / "own.onnx").open("ab") as file:
        file.write(b"\0")

    with pytest.raises(ModelsUnavailable, match=r"own\.onnx is missing or is not the file"):
        load(directory)


def test_a_network_of_two_inputs_is_refused(installed: Callable[..., Path]) -> None:
    with pytest.raises(ModelsUnavailable, match="has 2 inputs"):
        load(installed(inputs=2))


def test_a_live_class_that_the_network_lacks_is_said(installed: Callable[..., Path]) -> None:
    (method,) = load(installed(live_class=2))

    with pytest.raises(ModelsUnavailable, match="answers 2 numbers"):
        method.judge(Capture((_look((0, 0, 0)),)))


def test_another_side_than_the_network_takes_is_said(installed: Callable[..., Path]) -> None:
    (method,) = load(installed(side=32))

    with pytest.raises(ModelsUnavailable, match="does not take 32 x 32 pixels"):
        method.judge(Capture((_look((0, 0, 0)),)))


@dataclass(frozen=True, slots=True)
class _Answering:
    """A session that answers the same whatever it sees."""

    answer: NDArray[np.float32]
    inputs: Any = field(default_factory=lambda: MappingProxyType({"input": (1, 3, SIDE, SIDE)}))
    outputs: tuple[str, ...] = ("output",)

    def run(self, inputs: Any) -> list[NDArray[np.float32]]:
        return [self.answer]


def test_certainty_stays_finite(installed: Callable[..., Path]) -> None:
    (method,) = load(installed())
    sure = PluggedNetwork(_Answering(np.array([[1e6, -1e6]], dtype=np.float32)), "input", method.plugged)

    assert sure.judge(Capture((_look((0, 0, 0)),))).score == pytest.approx(13.8, abs=0.1)


def test_numbers_that_are_none_are_refused(installed: Callable[..., Path]) -> None:
    (method,) = load(installed())
    broken = PluggedNetwork(_Answering(np.array([[np.nan, 0.0]], dtype=np.float32)), "input", method.plugged)

    with pytest.raises(ModelsUnavailable, match="answers 2 numbers"):
        broken.judge(Capture((_look((0, 0, 0)),)))


@given(
    box=st.tuples(*[st.floats(-400, 400) for _ in range(2)], *[st.floats(0, 400) for _ in range(2)]),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    context=st.floats(0.5, 8.0),
)
def test_a_square_is_cut_wherever_the_face_lies(box: tuple[float, ...], size: tuple[int, int], context: float) -> None:
    image = np.full((*size, 3), 7, dtype=np.uint8)
    look = Look(image, Face(np.array(box, dtype=np.float32), 0.9, np.zeros((5, 2), dtype=np.float32)))

    assert (square(look, context, SIDE) == 7).all()
    assert square(look, context, SIDE).shape == (SIDE, SIDE, 3)


def test_the_square_lies_around_the_face() -> None:
    image = np.zeros((100, 100, 3), dtype=np.uint8)
    image[40:60, 40:60] = 255
    points = np.zeros((5, 2), dtype=np.float32)

    tight = square(Look(image, Face(np.array([40, 40, 20, 20], dtype=np.float32), 0.9, points)), 1.0, SIDE)
    wide = square(Look(image, Face(np.array([40, 40, 20, 20], dtype=np.float32), 0.9, points)), 2.0, SIDE)

    assert (tight == 255).all()
    assert wide.mean() == pytest.approx(255 / 4, rel=0.05)


def test_every_field_of_the_manifest_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    _channel_network(path)
    fields = _entry(path)

    for name in fields:
        with pytest.raises(ValueError, match=name):
            Plugged.read({key: value for key, value in fields.items() if key != name})


@pytest.mark.parametrize("provider", ["CUDAExecutionProvider", "AzureExecutionProvider"])
def test_a_network_runs_wholly_on_the_provider_that_was_asked_for_or_not_at_all(
    installed: Callable[..., Path], provider: str
) -> None:
    with pytest.raises(ModelsUnavailable, match=provider):
        load(installed(), Limits(provider=provider))
