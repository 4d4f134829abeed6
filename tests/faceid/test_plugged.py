"""An operator's own networks, plugged in by a manifest."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from faceid import layouts
from faceid.errors import ContractMismatch, ModelsUnavailable
from faceid.frame import Frame
from faceid.manifest import (
    Axes,
    Colour,
    DetectorModel,
    Family,
    Input,
    Level,
    Manifest,
    ModelFile,
    Normalisation,
    RecogniserModel,
    Scores,
    digest_of,
)
from faceid.match import cosine
from faceid.pipeline import Pipeline

STRIDES = (8, 16, 32)
SIDE = 96


def named(path: Path) -> ModelFile:
    return ModelFile(path.name, digest_of(path), path.stat().st_size, "ours", "CC0-1.0", "drawn at random", "testing")


def save(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, NDArray[np.generic]],
    shape: Sequence[int | str],
    outputs: dict[str, Sequence[int | str]],
    path: Path,
) -> None:
    graph = helper.make_graph(
        list(nodes),
        "plugged",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name, sides in outputs.items()],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def write_recogniser(path: Path, *, faces: int | str, dimension: int = 64, unit: bool = False) -> None:
    """Make a small network that takes pixels of -1 to 1 with the channels last and gives random projections."""
    random = np.random.default_rng(7)
    cells = (SIDE // 8) ** 2 * 8
    constants: dict[str, NDArray[np.generic]] = {
        "filters": random.standard_normal((8, 3, 8, 8)).astype(np.float32),
        "projection": random.standard_normal((cells, dimension)).astype(np.float32) / cells,
    }
    nodes = [
        helper.make_node("Transpose", ["picture"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "filters"], ["cells"], strides=[8, 8]),
        helper.make_node("Relu", ["cells"], ["lit"]),
        helper.make_node("Flatten", ["lit"], ["flat"]),
        helper.make_node("MatMul", ["flat", "projection"], ["raw"]),
        helper.make_node("LpNormalization", ["raw"], ["face"], axis=1, p=2)
        if unit
        else helper.make_node("Identity", ["raw"], ["face"]),
    ]
    save(nodes, constants, [faces, SIDE, SIDE, 3], {"face": [faces, dimension]}, path)


def declared(path: Path) -> RecogniserModel:
    pixels = Input("picture", Colour.BGR, (127.5, 127.5, 127.5), (127.5, 127.5, 127.5), Axes.NHWC)
    return RecogniserModel(named(path), pixels, "face", dimension=64, side=SIDE)


@pytest.fixture
def shipped(models_dir: Path, tmp_path: Path) -> Manifest:
    """Return the shipped manifest, with its files in ``tmp_path``."""
    for name in ("yunet.onnx", "sface.onnx"):
        shutil.copy(models_dir / name, tmp_path)
    return Manifest.load(models_dir)


@pytest.fixture
def plug(shipped: Manifest, tmp_path: Path) -> Callable[..., Pipeline]:
    """Return a function that loads the shipped manifest with some parts replaced."""

    def load(**parts: DetectorModel | RecogniserModel) -> Pipeline:
        (tmp_path / "manifest.json").write_text(replace(shipped, **parts).to_json())  # type: ignore[arg-type]
        return Pipeline.load(tmp_path)

    return load


@pytest.mark.parametrize("faces", ["faces", 1, 3], ids=["any number", "one by one", "three at once"])
def test_an_operators_own_recogniser_embeds(
    plug: Callable[..., Pipeline], tmp_path: Path, crowd: Frame, faces: int | str
):
    write_recogniser(tmp_path / "own.onnx", faces=faces)
    plugged = plug(recogniser=declared(tmp_path / "own.onnx"))

    first, second = plugged.faces(crowd)

    assert first.embedding is not None
    assert second.embedding is not None
    assert first.embedding.shape == second.embedding.shape == (64,)
    assert np.linalg.norm(first.embedding) == pytest.approx(1.0, abs=1e-6)
    assert float(cosine(first.embedding, second.embedding)) < 0.999


def test_its_embeddings_are_under_a_contract_of_their_own_and_mixing_is_refused(
    plug: Callable[..., Pipeline], pipeline: Pipeline, tmp_path: Path
):
    write_recogniser(tmp_path / "own.onnx", faces="faces")
    own = declared(tmp_path / "own.onnx")
    contract = plug(recogniser=own).contract()

    assert contract.dimension == 64
    for other in (pipeline.contract(), plug(recogniser=replace(own, flip=True)).contract()):
        with pytest.raises(ContractMismatch):
            contract.require(other.id)


def test_whatever_changes_the_numbers_changes_the_contract(plug: Callable[..., Pipeline], tmp_path: Path):
    write_recogniser(tmp_path / "own.onnx", faces="faces")
    own = declared(tmp_path / "own.onnx")
    pixels = own.input
    variants = [
        own,
        replace(own, flip=True),
        replace(own, input=replace(pixels, colour=Colour.RGB)),
        replace(own, input=replace(pixels, mean=(127.5, 127.5, 127.0))),
        replace(own, input=replace(pixels, mean=(127.5, 127.5, 127.5000001))),
        replace(own, input=replace(pixels, std=(128.0, 127.5, 127.5))),
    ]

    assert len({plug(recogniser=variant).contract().id for variant in variants}) == len(variants)


def test_a_network_that_normalises_by_itself_is_held_to_it(plug: Callable[..., Pipeline], tmp_path: Path, crowd: Frame):
    write_recogniser(tmp_path / "unit.onnx", faces="faces", unit=True)
    write_recogniser(tmp_path / "raw.onnx", faces="faces")
    unit, raw = (
        replace(declared(tmp_path / name), normalisation=Normalisation.NETWORK) for name in ("unit.onnx", "raw.onnx")
    )

    assert plug(recogniser=unit).faces(crowd)[0].embedding is not None
    with pytest.raises(ModelsUnavailable, match="normalisation network"):
        plug(recogniser=raw).faces(crowd)


@pytest.mark.parametrize(
    "change",
    [{"output": "embedding"}, {"input": Input("image", Colour.RGB)}],
    ids=["no such output", "no such input"],
)
def test_a_manifest_that_names_what_the_file_lacks_is_refused_with_what_it_has(
    plug: Callable[..., Pipeline], tmp_path: Path, change: dict[str, object]
):
    write_recogniser(tmp_path / "own.onnx", faces="faces")

    with pytest.raises(ModelsUnavailable, match=r"has inputs \['picture'\] and outputs \['face'\]"):
        plug(recogniser=replace(declared(tmp_path / "own.onnx"), **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"dimension": 128}, {"side": 112}], ids=["dimension", "side"])
def test_a_manifest_with_the_wrong_sizes_is_refused_at_the_first_face(
    plug: Callable[..., Pipeline], tmp_path: Path, crowd: Frame, change: dict[str, int]
):
    write_recogniser(tmp_path / "own.onnx", faces="faces")
    plugged = plug(recogniser=replace(declared(tmp_path / "own.onnx"), **change))  # type: ignore[arg-type]

    with pytest.raises(ModelsUnavailable):
        plugged.faces(crowd)


def write_distances(yunet: Path, path: Path, *, logits: bool) -> None:
    """Rewrite YuNet into the other layout: RGB of -1 to 1, and distances to the sides, two anchors per cell.

    The second anchor of each cell is never likely, so that the finds must equal YuNet's.
    """
    model = onnx.load(yunet)
    graph = model.graph
    constants = {
        "turn": np.array([2, 1, 0]), "scale": np.float32(128.0), "shift": np.float32(127.5), "half": np.float32(0.5),
        "from0": np.array([0]), "to2": np.array([2]), "to4": np.array([4]), "axis": np.array([2]),
        "zero": np.float32(0.0), "tiny": np.float32(1e-6), "one": np.float32(1.0),
        "scores": np.array([0, -1, 1]), "boxes": np.array([0, -1, 4]), "points": np.array([0, -1, 10]),
    }  # fmt: skip
    nodes = [
        helper.make_node("Gather", ["picture", "turn"], ["bgr"], axis=1),
        helper.make_node("Mul", ["bgr", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["input"]),
        *graph.node,
    ]
    outputs = []
    for stride in STRIDES:
        nodes += _as_distances(stride, logits)
        outputs += [f"scores_{stride}", f"boxes_{stride}", f"points_{stride}"]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())
    graph.input.append(helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, "h", "w"]))
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 3) for name in outputs)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _as_distances(stride: int, logits: bool) -> list[onnx.NodeProto]:
    def name(part: str) -> str:
        return f"{part}_{stride}"

    return [
        helper.make_node("Mul", [name("cls"), name("obj")], [name("product")]),
        helper.make_node("Sqrt", [name("product")], [name("likely")]),
        helper.make_node("Clip", [name("likely"), "tiny"], [name("clipped")]),
        helper.make_node("Sub", ["one", name("clipped")], [name("unlikely")]),
        helper.make_node("Div", [name("clipped"), name("unlikely")], [name("odds")]),
        helper.make_node("Log", [name("odds")], [name("logit")]),
        helper.make_node("Sub", [name("likely"), "scale"], [name("never")]),
        helper.make_node("Concat", [name("logit" if logits else "likely"), name("never")], [name("pairs")], axis=2),
        helper.make_node("Reshape", [name("pairs"), "scores"], [name("scores")]),
        helper.make_node("Slice", [name("bbox"), "from0", "to2", "axis"], [name("centre")]),
        helper.make_node("Slice", [name("bbox"), "to2", "to4", "axis"], [name("logs")]),
        helper.make_node("Exp", [name("logs")], [name("sides")]),
        helper.make_node("Mul", [name("sides"), "half"], [name("halves")]),
        helper.make_node("Sub", [name("halves"), name("centre")], [name("near")]),
        helper.make_node("Add", [name("halves"), name("centre")], [name("far")]),
        helper.make_node("Concat", [name("near"), name("far"), name("near"), name("far")], [name("sixteen")], axis=2),
        helper.make_node("Reshape", [name("sixteen"), "boxes"], [name("boxes")]),
        helper.make_node("Concat", [name("kps"), name("kps")], [name("twenty")], axis=2),
        helper.make_node("Reshape", [name("twenty"), "points"], [name("points")]),
    ]


def distances(path: Path, scores: Scores) -> DetectorModel:
    levels = tuple(Level(stride, f"scores_{stride}", f"boxes_{stride}", f"points_{stride}") for stride in STRIDES)
    pixels = Input("picture", Colour.RGB, (127.5, 127.5, 127.5), (128.0, 128.0, 128.0))
    return DetectorModel(named(path), pixels, Family.DISTANCES, levels, anchors=2, scores=scores)


@pytest.mark.parametrize("scores", list(Scores))
def test_a_detector_of_another_layout_finds_the_same_faces(
    plug: Callable[..., Pipeline], pipeline: Pipeline, tmp_path: Path, crowd: Frame, scores: Scores
):
    write_distances(tmp_path / "yunet.onnx", tmp_path / "own.onnx", logits=scores is Scores.LOGIT)
    plugged = plug(detector=distances(tmp_path / "own.onnx", scores))

    found, expected = plugged.detector.batch([crowd, crowd]), pipeline.detector.faces(crowd)

    assert plugged.contract() == pipeline.contract()
    for faces in found:
        assert len(faces) == len(expected) == 2
        for one, other in zip(faces, expected, strict=True):
            np.testing.assert_allclose(one.box, other.box, atol=0.1)
            np.testing.assert_allclose(one.landmarks, other.landmarks, atol=0.1)
            assert one.score == pytest.approx(other.score, abs=1e-3)


def test_a_detector_with_other_grids_than_declared_is_refused(
    plug: Callable[..., Pipeline], tmp_path: Path, crowd: Frame
):
    write_distances(tmp_path / "yunet.onnx", tmp_path / "own.onnx", logits=False)
    model = distances(tmp_path / "own.onnx", Scores.PROBABILITY)

    with pytest.raises(ModelsUnavailable, match="not laid out as the family distances"):
        plug(detector=replace(model, anchors=1)).detector.faces(crowd)
    with pytest.raises(ModelsUnavailable, match="outputs"):
        plug(detector=replace(model, levels=(Level(8, "a", "b", "c"),)))


@given(
    row=st.integers(0, 3), column=st.integers(0, 5), anchor=st.integers(0, 1),
    sides=st.lists(st.floats(0.25, 4.0, width=32), min_size=4, max_size=4),
    points=st.lists(st.floats(-4.0, 4.0, width=32), min_size=10, max_size=10),
)  # fmt: skip
def test_distances_from_a_cell_become_the_box_around_it(
    row: int, column: int, anchor: int, sides: list[float], points: list[float]
):
    scores, boxes, landmarks = (np.zeros((4 * 6 * 2, width), dtype=np.float32) for width in (1, 4, 10))
    at = (row * 6 + column) * 2 + anchor
    scores[at], boxes[at], landmarks[at] = 0.9, sides, points
    model = DetectorModel(
        ModelFile("x.onnx", "", 0, "", "", ""), Input("x", Colour.RGB), Family.DISTANCES, (Level(16, "s", "b", "p"),), 2
    )

    (found,) = layouts.decode({"s": scores, "b": boxes, "p": landmarks}, 0, (64, 96), 0.5, model)

    left, top, right, bottom = (16 * side for side in sides)
    x, y = 16 * column, 16 * row
    expected = [x - left, y - top, left + right, top + bottom]
    np.testing.assert_allclose(found[:4], expected, atol=1e-3)
    np.testing.assert_allclose(found[4:14], 16 * np.array(points) + [x, y] * 5, atol=1e-3)
    assert found[14] == pytest.approx(0.9)
