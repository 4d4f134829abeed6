"""Patches of a face at the camera's own resolution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.detect import Face
from faceid.liveness.capture import Look
from faceid.liveness.patches import SIDE, face_square, grid_patches, random_patches

LANDMARKS = np.array([[30, 25], [50, 25], [40, 35], [33, 45], [47, 45]], dtype=np.float32)


def _look(box: tuple[float, ...], size: tuple[int, int] = (400, 400)) -> Look:
    rows, columns = np.mgrid[: size[0], : size[1]]
    image = np.stack([rows % 256, columns % 256, (rows // 256) * 16 + columns // 256], axis=2).astype(np.uint8)
    return Look(image, Face(np.array(box, dtype=np.float32), 0.9, LANDMARKS))


def test_patches_of_a_large_face_are_the_frames_own_pixels() -> None:
    look = _look((100, 100, 200, 200))

    for patch in grid_patches(look):
        row, column = int(patch[0, 0, 0]), int(patch[0, 0, 1]) + 256 * int(patch[0, 0, 2] % 16)
        row += 256 * int(patch[0, 0, 2] // 16)
        np.testing.assert_array_equal(patch, look.image[row : row + SIDE, column : column + SIDE])


@pytest.mark.parametrize(("side", "count"), [(20, 1), (44, 1), (60, 2), (90, 9), (300, 9)])
def test_small_faces_have_few_patches_and_large_ones_nine(side: float, count: int) -> None:
    assert len(grid_patches(_look((50, 50, side, side)))) == count


def test_the_grid_is_the_same_every_time() -> None:
    look = _look((60, 60, 150, 180))

    np.testing.assert_array_equal(grid_patches(look), grid_patches(look))


def test_random_patches_lie_in_the_face_and_depend_on_the_seed() -> None:
    look = _look((100, 100, 120, 120))

    drawn = random_patches(look, 50, np.random.default_rng(1))

    rows, columns = drawn[:, 0, 0, 0].astype(int), drawn[:, 0, 0, 1].astype(int)
    assert drawn.shape == (50, SIDE, SIDE, 3)
    assert rows.min() >= 94
    assert columns.min() >= 100
    assert rows.max() + SIDE <= 226
    np.testing.assert_array_equal(drawn, random_patches(look, 50, np.random.default_rng(1)))
    assert (drawn != random_patches(look, 50, np.random.default_rng(2))).any()


@given(
    place=st.tuples(st.floats(-300, 700), st.floats(-300, 700)),
    sides=st.tuples(st.floats(0, 600), st.floats(0, 600)),
    size=st.tuples(st.integers(1, 120), st.integers(1, 120)),
)
def test_a_face_anywhere_in_any_frame_gives_patches(
    place: tuple[float, float], sides: tuple[float, float], size: tuple[int, int]
) -> None:
    look = _look((*place, *sides), size)

    patches = grid_patches(look)

    assert patches.dtype == np.uint8
    assert patches.shape[1:] == (SIDE, SIDE, 3)
    assert 1 <= len(patches) <= 9
    assert min(face_square(look).shape[:2]) >= SIDE
