import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceid.align import REFERENCE, SIDE, align, similarity
from faceid.errors import DegenerateLandmarks

coordinates = st.floats(-500, 500)
landmark_sets = st.lists(st.tuples(coordinates, coordinates), min_size=5, max_size=5).map(np.array)


def spans_a_plane(points: NDArray[np.float64]) -> bool:
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[0] > 1.0 and spread[1] > 0.05 * spread[0])


def correlates_with_the_reference(points: NDArray[np.float64]) -> bool:
    """Tell whether the best similarity is well-defined: its two candidate rotations differ clearly in fit."""
    source, target = points - points.mean(axis=0), REFERENCE - REFERENCE.mean(axis=0)
    singular = np.linalg.svd(target.T @ source, compute_uv=False)
    sign = np.sign(np.linalg.det(target.T @ source))
    return bool(singular[0] + sign * singular[1] > 0.05 * np.abs(source).sum() and sign != 0)


def moved(points: NDArray[np.float64], angle: float, scale: float, shift: tuple[float, float]) -> NDArray[np.float64]:
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.asarray(scale * points @ rotation.T + shift)


def mapped(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


@given(
    landmark_sets.filter(spans_a_plane).filter(correlates_with_the_reference),
    st.floats(-math.pi, math.pi),
    st.floats(0.1, 10),
    st.tuples(coordinates, coordinates),
)
def test_moving_the_face_does_not_move_the_crop(
    points: NDArray[np.float64], angle: float, scale: float, shift: tuple[float, float]
):
    other = moved(points, angle, scale, shift)

    before, after = similarity(points), similarity(other)

    np.testing.assert_allclose(mapped(after, other), mapped(before, points), atol=1e-3)


@given(landmark_sets.filter(spans_a_plane))
def test_the_transform_is_a_similarity_and_never_a_reflection(points: NDArray[np.float64]):
    linear = similarity(points)[:, :2]

    assert np.linalg.det(linear) >= 0
    np.testing.assert_allclose(linear @ linear.T, np.linalg.det(linear) * np.eye(2), atol=1e-6)


@given(st.floats(-math.pi, math.pi), st.floats(0.1, 10), st.tuples(coordinates, coordinates))
def test_landmarks_shaped_like_the_reference_land_on_it(angle: float, scale: float, shift: tuple[float, float]):
    points = moved(REFERENCE, angle, scale, shift)

    np.testing.assert_allclose(mapped(similarity(points), points), REFERENCE, atol=1e-4)


@given(landmark_sets.filter(spans_a_plane), st.floats(-0.1, 0.1), st.floats(0.9, 1.1))
def test_no_other_similarity_fits_better(points: NDArray[np.float64], angle: float, scale: float):
    best = similarity(points)
    fitted = mapped(best, points)
    centre = fitted.mean(axis=0)
    other = moved(fitted - centre, angle, scale, (centre[0], centre[1]))

    assert ((fitted - REFERENCE) ** 2).sum() <= ((other - REFERENCE) ** 2).sum() + 1e-6


def picture_of(seed: int, turn: NDArray[np.float64], side: int) -> NDArray[np.uint8]:
    """Show a smooth scene, waves of 60 pixels of the crop and longer, through a camera's similarity."""
    random = np.random.default_rng(seed)
    places = mapped(cv2.invertAffineTransform(turn), np.mgrid[:side, :side][::-1].reshape(2, -1).T.astype(np.float64))
    frequencies = random.uniform(-1, 1, (4, 2)) * 2 * math.pi / 60 / math.sqrt(2)
    waves = np.sin(places @ frequencies.T + random.uniform(0, 2 * math.pi, 4)) @ random.uniform(-28, 28, (4, 3))
    return np.asarray(np.round(127.5 + waves), dtype=np.uint8).reshape(side, side, 3)


cameras = st.tuples(
    st.floats(-math.pi, math.pi), st.floats(0.8, 2.0), st.tuples(st.floats(-40, 40), st.floats(-40, 40))
)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=5, max_size=5),
    cameras,
    cameras,
)
def test_a_face_gives_the_same_pixels_however_it_lies_in_the_picture(
    seed: int,
    off: list[tuple[float, float]],
    one: tuple[float, float, tuple[float, float]],
    other: tuple[float, float, tuple[float, float]],
):
    side, centre = 480, np.full(2, SIDE / 2)
    crops = []
    for angle, scale, shift in (one, other):
        corners = moved(np.vstack([np.zeros(2), np.eye(2)]) - centre, angle, scale, shift) + side / 2
        turn = np.column_stack([corners[1] - corners[0], corners[2] - corners[0], corners[0]])
        landmarks = mapped(turn, REFERENCE + np.array(off)).astype(np.float32)
        crops.append(align(picture_of(seed, turn, side), landmarks).astype(np.int16))

    # Rounding, twice, and the 32nds of a pixel in which OpenCV interpolates.
    assert np.abs(crops[0] - crops[1]).max() <= 3
    assert crops[0].std() > 1


def test_a_mirrored_face_is_not_mirrored_back():
    mirrored = REFERENCE * (-1, 1) + (SIDE, 0)

    fitted = mapped(similarity(mirrored), mirrored)

    assert fitted[0, 0] > fitted[1, 0]


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((5, 2)),
        np.full((5, 2), 77.0),
        np.column_stack([np.arange(5.0), 3 * np.arange(5.0)]),
        np.full((5, 2), np.nan),
        np.array([[0, 0], [1, 0], [np.inf, 2], [3, 4], [5, 6]]),
    ],
)
def test_landmarks_without_area_are_refused(points: NDArray[np.float64]):
    with pytest.raises(DegenerateLandmarks) as refusal:
        similarity(points)
    assert refusal.value.code == "degenerate_landmarks"


def test_four_landmarks_are_a_programming_error():
    with pytest.raises(ValueError, match=r"shape \(5, 2\), not \(4, 2\)"):
        similarity(np.zeros((4, 2)))


def test_the_crop_shows_the_face_upright_whatever_its_tilt():
    upright = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    for (x, y), shade in zip(REFERENCE, (60, 100, 140, 180, 220), strict=True):
        cv2.circle(upright, (round(x), round(y)), 4, (shade, shade, shade), -1)
    turn = np.array([[0.0, -2.0, 300.0], [2.0, 0.0, 20.0]])
    picture = np.asarray(cv2.warpAffine(upright, turn, (400, 400)), dtype=np.uint8)

    crop = align(picture, mapped(turn, REFERENCE).astype(np.float32))

    assert crop.shape == (112, 112, 3)
    assert [int(crop[round(y), round(x), 0]) for x, y in REFERENCE] == [60, 100, 140, 180, 220]
