import copy
import pickle
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.errors import ColourUnknown, FaceError
from faceid.frame import Frame, from_bgr, from_rgb, require

Picture = NDArray[np.uint8]
RED = np.full((2, 3, 3), (255, 0, 0), dtype=np.uint8)


def test_rgb_stays_and_bgr_is_turned():
    assert require(from_rgb(RED))[0, 0].tolist() == [255, 0, 0]
    assert require(from_bgr(RED))[0, 0].tolist() == [0, 0, 255]


def test_what_opencv_reads_is_bgr():
    blue = cv2.imdecode(cv2.imencode(".png", RED)[1], cv2.IMREAD_COLOR)

    assert require(from_bgr(np.asarray(blue, dtype=np.uint8)))[0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    "derive",
    [
        lambda frame: frame[..., ::-1],
        lambda frame: frame[:1],
        lambda frame: frame.copy(),
        lambda frame: frame.transpose(1, 0, 2),
        lambda frame: frame.take([2, 1, 0], axis=2),
        lambda frame: np.roll(frame, 1, axis=2),
        lambda frame: np.flip(frame, axis=2),
        lambda frame: frame.view(),
        lambda frame: frame // 2,
        lambda frame: np.asarray(frame),
        lambda frame: np.ascontiguousarray(frame[::-1]),
        lambda frame: cv2.cvtColor(frame, cv2.COLOR_RGB2BGR),
        lambda frame: copy.deepcopy(frame),
        lambda frame: pickle.loads(pickle.dumps(frame)),
    ],
)
def test_nothing_computed_from_a_frame_passes_for_one(derive: Callable[[Frame], Picture]):
    with pytest.raises(ColourUnknown):
        require(derive(from_rgb(RED)))  # type: ignore[arg-type]


def test_a_frame_cannot_be_changed_in_place():
    frame = from_rgb(RED.copy())

    with pytest.raises(ValueError, match="read-only"):
        frame[...] = 0
    with pytest.raises(cv2.error):
        cv2.cvtColor(frame, cv2.COLOR_RGB2BGR, dst=frame)


def test_vouching_for_an_array_leaves_it_writable():
    array = RED.copy()

    from_rgb(array)

    assert array.flags.writeable


def test_a_frame_is_not_turned_twice():
    with pytest.raises(ColourUnknown, match="RGB, was called BGR"):
        from_bgr(from_rgb(RED))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2), dtype=np.uint8),
        np.zeros((2, 2, 4), dtype=np.uint8),
        np.zeros((2, 2, 3), dtype=np.float32),
        np.zeros((0, 2, 3), dtype=np.uint8),
        None,
    ],
)
def test_only_pictures_become_frames(array: Picture):
    for make in (from_rgb, from_bgr):
        with pytest.raises(ColourUnknown):
            make(array)


def test_a_mistake_about_colours_is_a_type_error_with_a_code():
    assert issubclass(ColourUnknown, TypeError)
    assert issubclass(ColourUnknown, FaceError)
    assert ColourUnknown.code == "colour_unknown"


def test_a_frame_never_shows_its_pixels():
    assert repr(from_rgb(RED)) == str(from_rgb(RED)) == "Frame(shape=(2, 3, 3))"
    assert f"{from_rgb(RED)}" == "Frame(shape=(2, 3, 3))"
