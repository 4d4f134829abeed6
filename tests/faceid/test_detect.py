from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.detect import MAX_SIDE, MULTISCALE, Detector
from faceid.pipeline import Pipeline
from faceid.session import Session

Picture = NDArray[np.uint8]
NAMES = ["biden", "obama", "obama2", "obama3", "obama_partial", "obama_covered", "astronaut"]


def shrunk(image: Picture) -> Picture:
    scale = min(1.0, MAX_SIDE / max(image.shape[:2]))
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def opencv_faces(published_models: Path, image: Picture) -> NDArray[np.float32]:
    """Run OpenCV's own detector on the published file: rows of box, ten landmark numbers and score."""
    model = str(published_models / "face_detection_yunet_2023mar_int8bq.onnx")
    detector = cv2.FaceDetectorYN.create(model, "", (image.shape[1], image.shape[0]), 0.7, 0.3)
    found = detector.detect(np.ascontiguousarray(image[..., ::-1]))[1]
    return np.empty((0, 15), dtype=np.float32) if found is None else np.asarray(found, dtype=np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_the_repaired_detector_finds_what_opencv_finds(
    pipeline: Pipeline, published_models: Path, picture: Callable[[str], Picture], name: str
):
    image = shrunk(picture(name))

    faces = pipeline.detector.faces(image)

    expected = opencv_faces(published_models, image)
    assert len(faces) == len(expected) == 1
    assert np.abs(faces[0].box - expected[0, :4]).max() <= 1.0
    assert np.abs(faces[0].landmarks.ravel() - expected[0, 4:14]).max() <= 1.0
    assert abs(faces[0].score - expected[0, 14]) <= 0.01


def test_the_repaired_detector_finds_the_same_crowd(pipeline: Pipeline, published_models: Path, crowd: Picture):
    image = shrunk(crowd)

    faces = pipeline.detector.faces(image)

    expected = opencv_faces(published_models, image)
    assert len(faces) == len(expected) == 2
    ours = np.array(sorted(face.box.tolist() for face in faces))
    theirs = np.array(sorted(expected[:, :4].tolist()))
    assert np.abs(ours - theirs).max() <= 1.0


def test_faces_come_largest_first_in_pixels_of_the_picture(pipeline: Pipeline, picture: Callable[[str], Picture]):
    large, small = picture("obama"), cv2.resize(picture("biden"), None, fx=0.4, fy=0.4)
    canvas = np.zeros((large.shape[0], large.shape[1] + small.shape[1], 3), dtype=np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small
    canvas[:, small.shape[1] :] = large

    faces = pipeline.detector.faces(canvas)

    assert len(faces) == 2
    assert faces[0].box[0] > small.shape[1]
    assert faces[1].box[0] < small.shape[1]


@pytest.mark.parametrize("shape", [(480, 640, 3), (1, 1, 3), (33, 700, 3), (2000, 40, 3)])
def test_a_picture_without_people_has_no_faces(pipeline: Pipeline, shape: tuple[int, int, int]):
    noise = np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)

    assert pipeline.detector.faces(noise) == []


def test_left_and_right_are_those_of_the_picture(pipeline: Pipeline, picture: Callable[[str], Picture]):
    left_eye, right_eye, nose, left_mouth, right_mouth = pipeline.detector.faces(picture("obama"))[0].landmarks

    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert left_eye[1] < nose[1] < left_mouth[1]


class Recorder:
    """A session that remembers its inputs and answers as another does."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.inputs, self.outputs = session.inputs, session.outputs
        self.seen: list[NDArray[np.float32]] = []

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        self.seen.extend(inputs.values())
        return self._session.run(inputs)


@pytest.fixture
def recorder(pipeline: Pipeline) -> Recorder:
    return Recorder(pipeline.detector.session)


@pytest.fixture
def recorded(pipeline: Pipeline, recorder: Recorder) -> Detector:
    return Detector(recorder, pipeline.detector.model)


def test_the_network_sees_bgr_padded_with_black_to_multiples_of_32(recorded: Detector, recorder: Recorder):
    recorded.faces(np.full((33, 65, 3), (10, 20, 30), dtype=np.uint8))

    (blob,) = recorder.seen
    assert blob.shape == (1, 3, 64, 96)
    assert blob[0, :, 0, 0].tolist() == [30.0, 20.0, 10.0]
    assert blob[0, :, 33:, :].max() == blob[0, :, :, 65:].max() == 0.0


def test_pictures_of_equal_size_share_a_run_and_give_what_single_runs_give(
    recorded: Detector, recorder: Recorder, picture: Callable[[str], Picture]
):
    images = [np.asarray(cv2.resize(picture(name), (320, 384)), dtype=np.uint8) for name in ("biden", "obama")]
    images.insert(1, shrunk(picture("astronaut")))

    together = recorded.batch(images)

    assert sorted(blob.shape[0] for blob in recorder.seen) == [1, 2]
    for found, image in zip(together, images, strict=True):
        (alone,) = recorded.faces(image)
        assert [face.box.tolist() for face in found] == [alone.box.tolist()]
        assert [face.landmarks.tolist() for face in found] == [alone.landmarks.tolist()]


def test_one_run_holds_no_more_pixels_than_its_memory_allows(recorded: Detector, recorder: Recorder):
    recorded.batch([np.zeros((640, 640, 3), dtype=np.uint8)] * 9)

    assert [blob.shape[0] for blob in recorder.seen] == [4, 4, 1]


def test_several_sizes_find_the_near_and_the_far_and_each_once(
    recorded: Detector, recorder: Recorder, picture: Callable[[str], Picture]
):
    far = np.asarray(cv2.resize(picture("biden"), (54, 72), interpolation=cv2.INTER_AREA))
    image = np.zeros((1280, 1280, 3), dtype=np.uint8)
    image[:1024, :1024] = cv2.resize(picture("astronaut"), (1024, 1024))
    image[1150:1222, 1150:1204] = far

    coarse, all_sizes = recorded.faces(image, sides=(320,)), recorded.faces(image, sides=MULTISCALE)

    assert [blob.shape[2:] for blob in recorder.seen] == [(320, 320), (320, 320), (640, 640), (1280, 1280)]
    assert (len(coarse), len(all_sizes)) == (1, 2)
    assert np.abs(coarse[0].box - all_sizes[0].box).max() < 30
    assert all_sizes[1].box[0] > 1150


def test_a_small_picture_is_looked_at_once_whatever_the_sides(recorded: Detector, recorder: Recorder):
    recorded.faces(np.zeros((200, 300, 3), dtype=np.uint8), sides=MULTISCALE)

    assert [blob.shape for blob in recorder.seen] == [(1, 3, 224, 320)]


@pytest.mark.parametrize("sides", [(), (16,), (640, 4096)])
def test_sides_that_are_too_small_or_too_large_are_refused(pipeline: Pipeline, sides: tuple[int, ...]):
    with pytest.raises(ValueError, match="32 to 2048"):
        pipeline.detector.faces(np.zeros((64, 64, 3), dtype=np.uint8), sides=sides)


def test_no_pictures_have_no_faces(pipeline: Pipeline):
    assert pipeline.detector.batch([]) == []


def test_a_face_does_not_show_its_landmarks(pipeline: Pipeline, picture: Callable[[str], Picture]):
    assert "landmarks" not in repr(pipeline.detector.faces(picture("obama"))[0])
