"""Trained liveness networks: their manifest, and what is made of their answers."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from faceid.detect import Face
from faceid.errors import ModelsUnavailable
from faceid.liveness.capture import Capture, Look
from faceid.liveness.networks import MANIFEST, DepthNetwork, Kind, Network, PatchNetwork, load, manifest, save
from faceid.manifest import digest_of
from faceid.session import Limits

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Computing:
    """A session that computes with a function and remembers nothing."""

    compute: Callable[[Any], Rows]
    inputs: Any = field(default_factory=lambda: MappingProxyType({}))
    outputs: tuple[str, ...] = ("output",)

    def run(self, inputs: Any) -> list[Rows]:
        return [self.compute(inputs)]


def _capture(value: int = 100) -> Capture:
    image = np.full((240, 320, 3), value, dtype=np.uint8)
    points = np.array([[130, 100], [190, 100], [160, 130], [137, 160], [183, 160]], dtype=np.float32)
    return Capture((Look(image, Face(np.array([100, 50, 120, 150], dtype=np.float32), 0.9, points)),))


def test_patch_network_averages_its_patches() -> None:
    def answer(inputs: Any) -> Rows:
        odds = np.full((len(inputs["patches"]), 1), -1.0, dtype=np.float32)
        odds[: len(odds) // 3] = 5.0
        return odds

    evidence = PatchNetwork(_Computing(answer), slope=2.0, intercept=0.5).judge(_capture())

    # Nine patches, three at 5, the others at -1: their mean is 1.
    assert evidence.method == "patch_network"
    assert evidence.score == pytest.approx(2.5)
    assert dict(evidence.figures)["live_patches"] == pytest.approx(1 / 3)


def test_depth_network_judges_by_the_mean_depth() -> None:
    def answer(inputs: Any) -> Rows:
        assert inputs["faces"].shape == (1, 128, 128, 3)
        assert inputs["faces"].max() == 100.0
        depth = np.zeros((1, 32, 32), dtype=np.float32)
        depth[:, :16] = 0.5
        return depth

    evidence = DepthNetwork(_Computing(answer), slope=10.0, intercept=-2.0).judge(_capture())

    assert evidence.method == "depth_network"
    assert evidence.score == pytest.approx(0.5)
    assert dict(evidence.figures) == {"mean_depth": pytest.approx(0.25)}


def _constant(path: Path, *, name: str, takes: list[Any], shape: list[int], value: float) -> None:
    """Write a network that answers the same number everywhere."""
    count = int(np.prod(shape))
    tensor = helper.make_tensor("value", TensorProto.FLOAT, shape, [value] * count)
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["output"], value=tensor)],
        "constant",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, takes)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A directory with both networks and their manifest."""
    patch, depth = tmp_path / "patch_network.onnx", tmp_path / "depth_network.onnx"
    _constant(patch, name="patches", takes=["n", 48, 48, 3], shape=[2, 1], value=1.5)
    _constant(depth, name="faces", takes=["n", 128, 128, 3], shape=[1, 32, 32], value=0.25)
    save(
        tuple(
            Network(kind, path.name, digest_of(path), path.stat().st_size, 2.0, -1.0, (3, 2), (40, 20), "made", 7)
            for kind, path in ((Kind.PATCH, patch), (Kind.DEPTH, depth))
        ),
        tmp_path,
    )
    return tmp_path


def test_networks_load_with_their_line(trained: Path) -> None:
    methods = load(trained)

    assert [method.name for method in methods] == ["patch_network", "depth_network"]
    evidence = [method.judge(_capture()) for method in methods]
    assert [one.score for one in evidence if one] == pytest.approx([2.0, -0.5])


def test_networks_run_on_the_provider_that_was_asked_for_or_not_at_all(trained: Path) -> None:
    with pytest.raises(ModelsUnavailable, match="no CUDAExecutionProvider here"):
        load(trained, Limits(provider="CUDAExecutionProvider"))


def test_manifest_says_what_was_saved(trained: Path) -> None:
    patch, depth = manifest(trained)

    assert (patch.kind, depth.kind) == (Kind.PATCH, Kind.DEPTH)
    assert (patch.people, patch.presentations, patch.attacks, patch.seed) == ((3, 2), (40, 20), "made", 7)


def test_an_untrained_directory_has_no_networks(tmp_path: Path) -> None:
    assert load(tmp_path) == ()


def test_an_altered_network_is_refused(trained: Path) -> None:
    with (trained / "depth_network.onnx").open("ab") as file:
        file.write(b"\0")

    with pytest.raises(ModelsUnavailable, match=r"depth_network\.onnx is missing or is not the file"):
        load(trained)


def test_a_missing_network_is_refused(trained: Path) -> None:
    (trained / "patch_network.onnx").unlink()

    with pytest.raises(ModelsUnavailable, match=r"patch_network\.onnx is missing"):
        load(trained)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "palm_reading"),
        ("slope", -1.0),
        ("slope", "steep"),
        ("intercept", float("nan")),
        ("people", [1]),
        ("file", "../patch_network.onnx"),
    ],
)
def test_nonsense_in_the_manifest_is_refused(trained: Path, name: str, value: object) -> None:
    fields = json.loads((trained / MANIFEST).read_text())
    fields["networks"][0][name] = value
    (trained / MANIFEST).write_text(json.dumps(fields))

    with pytest.raises(ModelsUnavailable, match=MANIFEST):
        load(trained)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"networks": [{}]}', '{"networks": 3}'])
def test_an_unreadable_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)

    with pytest.raises(ModelsUnavailable, match=MANIFEST):
        load(tmp_path)
