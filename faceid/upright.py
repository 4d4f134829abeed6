"""Finding the landmarks of tilted heads: YuNet learnt from upright faces and draws tilted ones as if nearly upright."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.detect import Detector, Face

CANVAS = 160
"""Side of the picture a face is looked at again in, pixels: a fifteenth of the work on a whole frame."""

_FACE_SIDE = 84.0
_MOST_LOOKS = 5
_UPRIGHT = 1.0
_LEAST_TURN = 7.0
"""A face whose slope was below this, degrees, at first and in the end keeps its first landmarks: on heads that are all
but upright they are the more exact ones, while heads tilted by 12 degrees gain from the second look (cosines of LFW's
pairs at both tilts)."""
_GAIN = 3.0
"""Tilts of 15 to 35 degrees come out of YuNet as a third to a fifth of that."""
_MOST_STEP = 40.0
_SCORE_THRESHOLD = 0.5


def upright(detector: Detector, image: NDArray[np.uint8], face: Face) -> Face:
    """Look at a face again, turned upright, until the detector agrees that it is upright.

    Args:
        detector: finds the face again in a small picture around it.
        image: RGB, uint8, shape (height, width, 3).
        face: where the detector saw it first; its box and score are kept.

    Returns:
        The face with landmarks that follow its tilt; unchanged where it is all but upright or not found again.
    """
    best, angle, first = face.landmarks, 0.0, tilt(face.landmarks)
    residual = first
    for _ in range(_MOST_LOOKS):
        if abs(residual) <= _UPRIGHT:
            break
        angle += float(np.clip(_GAIN * residual, -_MOST_STEP, _MOST_STEP))
        view = _view(face, angle)
        seen = _nearest_to_centre(detector, image, view)
        if seen is None:
            break
        inverse = cv2.invertAffineTransform(view)
        best = (seen @ inverse[:, :2].T + inverse[:, 2]).astype(np.float32)
        residual = tilt(seen)
    return face if max(abs(first), abs(angle)) < _LEAST_TURN else Face(face.box, face.score, best)


def tilt(landmarks: NDArray[np.float32]) -> float:
    """Measure how far the line through the eyes is from level, clockwise as the picture is seen.

    Args:
        landmarks: pixels, y downwards, float32, shape (5, 2); the first two are the eye on the left of the picture and
            the one on its right.

    Returns:
        Degrees, above -180 up to 180; 0 where both eyes lie in one point.
    """
    across, down = (landmarks[1] - landmarks[0]).tolist()
    return math.degrees(math.atan2(down, across))


def _view(face: Face, angle: float) -> NDArray[np.float64]:
    """Make the matrix, shape (2, 3), that brings a face turned by ``angle`` upright into the canvas's middle."""
    left, top, width, height = face.box.tolist()
    scale = _FACE_SIDE / max(width, height, 1.0)
    matrix = cv2.getRotationMatrix2D((left + width / 2, top + height / 2), angle, scale)
    matrix[:, 2] += CANVAS / 2 - np.array([left + width / 2, top + height / 2])
    return np.asarray(matrix, dtype=np.float64)


def _nearest_to_centre(
    detector: Detector, image: NDArray[np.uint8], view: NDArray[np.float64]
) -> NDArray[np.float32] | None:
    """Return the landmarks, pixels of the canvas, of the face in its middle; None where only neighbours are seen."""
    canvas = np.asarray(cv2.warpAffine(image, view, (CANVAS, CANVAS), flags=cv2.INTER_LINEAR), dtype=np.uint8)
    seen = detector.faces(canvas, threshold=_SCORE_THRESHOLD)
    face = min(seen, key=_off_centre, default=None)
    return None if face is None or _off_centre(face) > _FACE_SIDE / 2 else face.landmarks


def _off_centre(face: Face) -> float:
    return float(np.linalg.norm(face.box[:2] + face.box[2:] / 2 - CANVAS / 2))
