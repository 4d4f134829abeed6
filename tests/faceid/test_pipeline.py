import dataclasses
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.contract import EmbeddingContract
from faceid.detect import Face
from faceid.errors import (
    ColourUnknown,
    DegenerateLandmarks,
    FaceBlurred,
    FaceCutOff,
    FaceOverexposed,
    FaceRefused,
    FaceTooDark,
    FaceTooSmall,
    FaceTurned,
    ModelsUnavailable,
    NoFace,
    SeveralFaces,
)
from faceid.frame import Frame, from_bgr, from_rgb
from faceid.match import THRESHOLD_DEFAULT, cosine
from faceid.pipeline import MOST_EMBEDDED, Pipeline
from faceid.quality import ENROLMENT

Picture = NDArray[np.uint8]
Pictures = Callable[[str], Frame]


BLACK = from_rgb(np.zeros((480, 640, 3), dtype=np.uint8))
GREY = from_rgb(np.full((480, 640, 3), 127, dtype=np.uint8))


class FlatFaces:
    """A detector that sees one face whose landmarks lie on one level line."""

    def faces(self, image: Picture, **_: object) -> list[Face]:
        landmarks = np.array([[50, 90], [150, 90], [100, 90], [70, 90], [130, 90]], dtype=np.float32)
        return [Face(np.array([40, 40, 120, 120], dtype=np.float32), 0.9, landmarks)]

    def batch(self, images: list[Picture], **_: object) -> list[list[Face]]:
        return [self.faces(image) for image in images]


def test_an_enrolled_person_is_recognised_in_another_picture(pipeline: Pipeline, picture: Pictures):
    enrolment = pipeline.enrolment(picture("obama"))

    faces = pipeline.faces(picture("obama2"))

    assert len(faces) == 1
    assert enrolment.embedding.shape == (128,)
    assert faces[0].embedding is not None
    assert float(cosine(enrolment.embedding, faces[0].embedding)) > THRESHOLD_DEFAULT


def test_two_viewers_of_one_frame_are_told_apart(pipeline: Pipeline, picture: Pictures, crowd: Frame):
    enrolled = [pipeline.enrolment(picture(name)).embedding for name in ("biden", "obama")]

    faces = sorted(pipeline.faces(crowd), key=lambda one: float(one.face.box[0]))

    probes = np.stack([one.embedding for one in faces if one.embedding is not None])
    scores = cosine(probes, np.stack(enrolled))
    assert (scores.diagonal() > 0.6).all()
    assert max(scores[0, 1], scores[1, 0]) < 0.3


def test_a_bystander_who_is_too_far_away_is_listed_without_an_embedding(pipeline: Pipeline, picture: Pictures):
    tiny = cv2.resize(picture("biden"), None, fx=0.09, fy=0.09, interpolation=cv2.INTER_AREA)
    image = picture("astronaut").copy()
    image[-tiny.shape[0] :, -tiny.shape[1] :] = tiny

    near, far = pipeline.faces(from_rgb(image))

    assert near.embedding is not None
    assert far.embedding is None
    assert "face_too_small" in far.quality.reasons


def test_of_a_crowd_only_the_nearest_are_embedded(pipeline: Pipeline, picture: Pictures):
    face = cv2.resize(picture("astronaut")[40:200, 140:300], (200, 200))
    image = np.tile(face, (3, 4, 1))

    faces = pipeline.faces(from_rgb(image))

    assert len(faces) == 12
    assert sum(one.embedding is not None for one in faces) == MOST_EMBEDDED


def test_an_empty_frame_has_no_faces(pipeline: Pipeline):
    assert pipeline.faces(BLACK) == []


def test_enrolment_without_a_face_is_refused(pipeline: Pipeline):
    with pytest.raises(NoFace) as refusal:
        pipeline.enrolment(GREY)
    assert refusal.value.code == "no_face"


def test_enrolment_of_two_people_is_refused(pipeline: Pipeline, crowd: Frame):
    with pytest.raises(SeveralFaces, match="There are 2 faces") as refusal:
        pipeline.enrolment(crowd)
    assert refusal.value.code == "several_faces"


def test_somebody_far_in_the_background_does_not_disturb_an_enrolment(pipeline: Pipeline, picture: Pictures):
    tiny = cv2.resize(picture("biden"), None, fx=0.09, fy=0.09, interpolation=cv2.INTER_AREA)
    image = picture("astronaut").copy()
    image[-tiny.shape[0] :, -tiny.shape[1] :] = tiny
    alone = pipeline.enrolment(picture("astronaut")).embedding

    assert float(cosine(pipeline.enrolment(from_rgb(image)).embedding, alone)) > 0.99


def _blurred(image: Picture) -> object:
    return cv2.GaussianBlur(image, (0, 0), 10)


def _small(image: Picture) -> object:
    return cv2.resize(image, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)


def _tilted(image: Picture) -> object:
    middle = (image.shape[1] / 2, image.shape[0] / 3)
    return cv2.warpAffine(image, cv2.getRotationMatrix2D(middle, 40, 0.8), (image.shape[1], image.shape[0]))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_blurred, FaceBlurred),
        (_small, FaceTooSmall),
        (_tilted, FaceTurned),
        (lambda image: image // 8, FaceTooDark),
        (lambda image: np.clip(image.astype(int) + 150, 0, 255), FaceOverexposed),
        (lambda image: image[:, 490:], FaceCutOff),
    ],
    ids=["blurred", "small", "tilted", "dark", "bright", "cut off"],
)
def test_an_unusable_face_is_refused_with_its_reason(
    pipeline: Pipeline, picture: Pictures, change: Callable[[Picture], object], expected: type[FaceRefused]
):
    image = np.ascontiguousarray(change(picture("obama")), dtype=np.uint8)

    with pytest.raises(expected) as refusal:
        pipeline.enrolment(from_rgb(image))
    assert "Expected: at " in str(refusal.value) or "Expected: brightness" in str(refusal.value)


def test_nothing_of_a_face_is_shown_or_logged(
    pipeline: Pipeline, picture: Pictures, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    portrait = picture("obama")
    caplog.set_level(logging.DEBUG)

    enrolment, faces = pipeline.enrolment(portrait), pipeline.faces(portrait)

    for shown in (repr(enrolment), repr(faces), repr(pipeline)):
        assert "embedding=" not in shown
        assert "landmarks" not in shown
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_the_contract_names_the_recogniser_its_preprocessing_and_the_protection(pipeline: Pipeline):
    assert pipeline.contract("orthonormal-1:00") == EmbeddingContract(
        "07995448321a024169e3f5fe13407008966b19ffea5f9019dcb922706da8394b",
        "upright-arcface112-rgb-nchw-mean0,0,0-std1,1,1-data-fc1-l2-v3",
        128,
        "orthonormal-1:00",
    )
    assert pipeline.contract().id != pipeline.contract("orthonormal-1:00").id


def test_a_face_that_cannot_be_aligned_is_listed_but_never_embedded(pipeline: Pipeline):
    stub = dataclasses.replace(pipeline, detector=FlatFaces())

    (face,) = stub.faces(GREY)

    assert face.embedding is None
    assert face.quality.reasons[0] == "degenerate_landmarks"
    with pytest.raises(DegenerateLandmarks):
        stub.enrolment(GREY)


def test_a_directory_without_models_is_refused_with_the_command_that_makes_them(tmp_path: Path):
    with pytest.raises(ModelsUnavailable, match="make models"):
        Pipeline.load(tmp_path)


def test_the_enrolment_profile_can_be_asked_of_frames_too(pipeline: Pipeline, picture: Pictures):
    small = from_rgb(np.asarray(cv2.resize(picture("obama"), None, fx=0.25, fy=0.25), dtype=np.uint8))

    (light,), (strict,) = pipeline.faces(small), pipeline.faces(small, ENROLMENT)

    assert light.embedding is not None
    assert strict.embedding is None


def test_a_batch_of_frames_gives_what_single_frames_give(pipeline: Pipeline, picture: Pictures, crowd: Frame):
    frames = [picture("obama"), crowd, BLACK, crowd]

    together = pipeline.batch(frames)

    for found, frame in zip(together, frames, strict=True):
        alone = pipeline.faces(frame)
        assert len(found) == len(alone)
        for one, other in zip(found, alone, strict=True):
            assert one.face.box.tolist() == other.face.box.tolist()
            assert one.embedding is not None
            np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-6)


def test_an_array_of_unknown_colour_order_is_refused(pipeline: Pipeline, picture: Pictures):
    reversed_channels = picture("obama")[..., ::-1]

    for refused in (pipeline.faces, pipeline.enrolment):
        with pytest.raises(ColourUnknown, match="RGB or BGR"):
            refused(reversed_channels)


def test_a_frame_from_a_camera_library_gives_the_same_face(pipeline: Pipeline, picture: Pictures):
    (expected,) = pipeline.faces(picture("obama"))

    (face,) = pipeline.faces(from_bgr(np.asarray(picture("obama"))[..., ::-1]))

    assert expected.embedding is not None
    assert face.embedding is not None
    assert face.embedding.tolist() == expected.embedding.tolist()


def test_flip_averaging_is_another_contract_and_makes_an_embedding_blind_to_mirrors(
    models_dir: Path, pipeline: Pipeline, picture: Pictures
):
    flipped = Pipeline.load(models_dir, flip=True)
    portrait = picture("obama")

    def similarity(one: Pipeline) -> float:
        face, mirrored = one.enrolment(portrait), one.enrolment(from_rgb(portrait[:, ::-1]))
        return float(cosine(face.embedding, mirrored.embedding))

    assert flipped.contract().id != pipeline.contract().id
    assert Pipeline.load(models_dir, flip=False).contract() == pipeline.contract()
    assert similarity(flipped) > similarity(pipeline)
    assert float(cosine(flipped.enrolment(portrait).embedding, pipeline.enrolment(portrait).embedding)) > 0.9


def test_four_threads_give_the_answers_of_one(pipeline: Pipeline, picture: Pictures, crowd: Frame):
    frames = [picture("obama"), crowd, picture("astronaut"), picture("biden")]

    def embeddings(frame: Frame) -> list[list[float]]:
        return [one.embedding.tolist() for one in pipeline.faces(frame) if one.embedding is not None]

    expected = [embeddings(frame) for frame in frames]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(embeddings, frames * 6))

    assert found == expected * 6
