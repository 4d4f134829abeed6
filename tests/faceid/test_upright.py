from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.detect import Face
from faceid.frame import Frame, from_rgb
from faceid.match import cosine
from faceid.pipeline import Pipeline
from faceid.upright import tilt, upright

Picture = NDArray[np.uint8]


def tilted(image: Picture, centre: tuple[float, float], angle: float) -> Picture:
    """Turn a picture clockwise about a point, degrees."""
    turn = cv2.getRotationMatrix2D(centre, -angle, 0.8)
    return np.asarray(cv2.warpAffine(image, turn, (image.shape[1], image.shape[0])), dtype=np.uint8)


def middle(face: Face) -> tuple[float, float]:
    x, y = (face.box[:2] + face.box[2:] / 2).tolist()
    return x, y


@pytest.mark.parametrize("angle", [-30, -20, -10, 10, 20, 30])
@pytest.mark.parametrize("name", ["astronaut", "obama", "biden", "obama3"])
def test_a_tilted_head_keeps_its_embedding(
    pipeline: Pipeline, picture: Callable[[str], Frame], name: str, angle: float
):
    straight = pipeline.faces(picture(name))[0]

    turned = pipeline.faces(from_rgb(tilted(picture(name), middle(straight.face), angle)))[0]

    assert straight.embedding is not None
    assert turned.embedding is not None
    assert float(cosine(straight.embedding, turned.embedding)) > 0.8


def test_looking_again_follows_a_tilt_that_the_first_look_misses(pipeline: Pipeline, picture: Callable[[str], Picture]):
    straight = pipeline.detector.faces(picture("astronaut"))[0]
    image = tilted(picture("astronaut"), middle(straight), 30)
    first = pipeline.detector.faces(image)[0]

    second = upright(pipeline.detector, image, first)

    assert abs(tilt(first.landmarks)) < 10
    assert tilt(second.landmarks) == pytest.approx(30, abs=6)
    assert (second.score, second.box.tolist()) == (first.score, first.box.tolist())


def test_an_upright_face_is_not_looked_at_again(pipeline: Pipeline, picture: Callable[[str], Picture]):
    image = picture("obama")
    face = pipeline.detector.faces(image)[0]

    assert upright(pipeline.detector, image, face).landmarks.tolist() == face.landmarks.tolist()


@pytest.mark.parametrize("angle", [-4, -2, 2, 4])
def test_a_slight_tilt_keeps_the_landmarks_of_the_first_look(
    pipeline: Pipeline, picture: Callable[[str], Frame], angle: float
):
    straight = pipeline.detector.faces(picture("astronaut"))[0]
    image = tilted(picture("astronaut"), middle(straight), angle)
    face = pipeline.detector.faces(image)[0]

    assert upright(pipeline.detector, image, face).landmarks.tolist() == face.landmarks.tolist()


def test_a_face_that_is_not_found_again_stays_as_it_was(pipeline: Pipeline):
    landmarks = np.array([[40, 40], [60, 50], [50, 60], [40, 70], [60, 75]], dtype=np.float32)
    face = Face(np.array([30, 30, 40, 50], dtype=np.float32), 0.8, landmarks)

    seen = upright(pipeline.detector, np.zeros((100, 100, 3), dtype=np.uint8), face)

    assert seen.landmarks.tolist() == landmarks.tolist()


def test_a_neighbour_is_not_taken_for_the_face(pipeline: Pipeline, picture: Callable[[str], Picture]):
    image = picture("astronaut")
    neighbour = pipeline.detector.faces(image)[0]
    beside = Face(neighbour.box + np.array([85, 0, 0, 0], dtype=np.float32), 0.8, neighbour.landmarks * (1, 1.5))

    seen = upright(pipeline.detector, image, beside)

    assert seen.landmarks.tolist() == beside.landmarks.tolist()


def test_tilt_is_positive_clockwise():
    landmarks = np.array([[0, 0], [10, 10], [0, 0], [0, 0], [0, 0]], dtype=np.float32)

    assert tilt(landmarks) == pytest.approx(45.0)
