"""Cutting the part of a look that methods for stills judge."""

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import similarity
from faceid.errors import DegenerateLandmarks
from faceid.liveness.capture import Look

SIDE = 96
"""Side of the crop in pixels, eyes about 53 pixels apart."""

_LEFT, _TOP, _SPAN = 24.0, 42.0, 64.0
"""The part of the recogniser's 112 x 112 crop that is cut: brows to chin and cheek to cheek, so that little but skin
is in it, and a frame that holds nothing but a face suffices."""


def face_crop(look: Look, side: int = SIDE) -> NDArray[np.uint8]:
    """Cut the face out, upright and always equally large.

    Args:
        look: frame and face. Where its landmarks span no plane, the face's box is taken as it is.
        side: of the crop, pixels.

    Returns:
        RGB, uint8, shape (side, side, 3); beyond the frame's border the picture goes on mirrored, since a black
        corner is no property of a face.
    """
    matrix = _matrix(look, side)
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    image = look.image
    if shrink < 0.67:  # a plain warp would skip pixels, and skipped pixels look like the moire of a display
        image, matrix = _shrunk(image, matrix, shrink)
    flags = cv2.INTER_LINEAR
    crop = cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(crop, dtype=np.uint8)


def _matrix(look: Look, side: int) -> NDArray[np.float64]:
    try:
        matrix = similarity(look.face.landmarks)
        return (matrix - [[0.0, 0.0, _LEFT], [0.0, 0.0, _TOP]]) * (side / _SPAN)
    except DegenerateLandmarks:
        left, top, width, height = (float(value) for value in look.face.box)
        scale = side / max(width, height, 1.0)
        centre = np.array([left + width / 2, top + height / 2])
        return np.column_stack([scale * np.eye(2), side / 2 - scale * centre])


def _shrunk(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], factor: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    height, width = image.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    stretch = np.array([width / size[0], height / size[1]])
    shift = matrix[:, 2] + matrix[:, :2] @ (0.5 * stretch - 0.5)
    return small, np.column_stack([matrix[:, :2] * stretch, shift])
