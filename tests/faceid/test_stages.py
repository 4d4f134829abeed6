from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceid.bench import frame_of
from faceid.errors import ModelsUnavailable, NotAnImage
from faceid.evaluate.acquisition import ANY
from faceid.frame import Frame
from faceid.match import cosine
from faceid.opencv import OpenCV
from faceid.pipeline import Pipeline
from faceid.stages import STAGES, Comparison, compare, opencv_threads, stages

GREY = bytes(cv2.imencode(".png", np.full((64, 64, 3), 127, dtype=np.uint8))[1])


@pytest.fixture(scope="module")
def opencv(published_models: Path) -> OpenCV:
    return OpenCV.load(
        published_models / "face_detection_yunet_2023mar_int8bq.onnx",
        published_models / "face_recognition_sface_2021dec_int8bq.onnx",
    )


@pytest.fixture(scope="module")
def files(picture: Callable[[str], Frame], crowd: Frame) -> list[bytes]:
    return [frame_of(crowd), GREY, frame_of(picture("astronaut"))]


def test_every_stage_of_a_frame_is_measured(pipeline: Pipeline, files: list[bytes]):
    measured = stages(pipeline, files, rounds=1)

    assert tuple(stage.name for stage in measured) == STAGES
    assert all(stage.median >= 0.0 for stage in measured)
    assert max(measured, key=lambda stage: stage.median).name in {"embed", "detect", "look upright"}


def test_pictures_without_faces_have_no_stages_after_detection(pipeline: Pipeline):
    assert [stage.name for stage in stages(pipeline, [GREY], rounds=1)] == ["decode", "detect"]


def test_what_is_no_picture_is_not_measured(pipeline: Pipeline):
    with pytest.raises(NotAnImage):
        stages(pipeline, [b"text"], rounds=1)


def test_both_pipelines_embed_the_same_faces(
    pipeline: Pipeline, opencv: OpenCV, files: list[bytes], monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    embeddings = OpenCV.embeddings

    def counted(self: OpenCV, frame: Frame, *, most: int) -> np.ndarray:
        found = embeddings(self, frame, most=most)
        asked.append(len(found))
        return found

    monkeypatch.setattr(OpenCV, "embeddings", counted)

    compared = compare(pipeline, [opencv], files, rounds=1)

    assert (compared.frames, compared.faces) == (2, 3)
    assert asked[-2:] == [2, 1]
    assert compared.opencv == "face_recognition_sface_2021dec_int8bq.onnx"


def test_faces_count_that_the_profile_lets_through(pipeline: Pipeline, opencv: OpenCV, picture: Callable[[str], Frame]):
    small = cv2.resize(np.asarray(picture("astronaut")), None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    file = bytes(cv2.imencode(".png", small[..., ::-1])[1])

    assert compare(pipeline, [opencv], [file], profile=ANY, rounds=1).faces == 1
    with pytest.raises(ValueError, match="usable face"):
        compare(pipeline, [opencv], [file], rounds=1)


def test_opencv_gives_nearly_our_embeddings_for_upright_faces(
    pipeline: Pipeline, opencv: OpenCV, picture: Callable[[str], Frame]
):
    portrait = picture("obama")

    (ours,) = pipeline.faces(portrait)
    theirs = opencv.embeddings(portrait, most=8)

    assert ours.embedding is not None
    assert theirs.shape == (1, 128)
    assert float(cosine(ours.embedding, theirs[0])) > 0.97


def test_opencv_sees_nobody_where_nobody_is(opencv: OpenCV, pipeline: Pipeline):
    from faceid.image import decode

    assert opencv.embeddings(decode(GREY), most=8).shape == (0, 128)
    with pytest.raises(ValueError, match="usable face"):
        compare(pipeline, [opencv], [GREY], rounds=1)


def test_a_file_that_opencv_refuses_is_named(tmp_path: Path):
    (tmp_path / "own.onnx").write_bytes(b"no network")

    with pytest.raises(ModelsUnavailable, match=r"refuses own\.onnx"):
        OpenCV.load(tmp_path / "own.onnx", tmp_path / "own.onnx")


def test_throughput_is_frames_of_ours_per_frame_of_opencv():
    assert Comparison(1, 1, "x", ours_ms=20.0, opencv_ms=50.0).throughput == 2.5


def test_opencv_gets_its_threads_back():
    before = cv2.getNumThreads()

    with opencv_threads(1):
        assert cv2.getNumThreads() == 1

    assert cv2.getNumThreads() == before
