"""Cutting the part of a look that methods for stills judge."""

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import similarity
from faceid.errors import DegenerateLandmarks
from faceid.liveness.capture import Look

SIDE = 128
"""Side of the crop of a face in pixels, eyes about 40 pixels apart."""

SKIN_SIDE = 96
"""Side of the crop of skin in pixels, eyes about 53 pixels apart."""

_FACE = (0.0, 0.0, 112.0)
_SKIN = (24.0, 42.0, 64.0)
"""Left, top and side of what is cut, pixels of the recogniser's 112 x 112 crop. That of skin reaches from brows to chin
and from cheek to cheek, so that little but skin is in it and a frame that holds nothing but a face suffices."""


def face_crop(look: Look) -> NDArray[np.uint8]:
    """Cut the whole face out, upright and always equally large.

    Args:
        look: frame and face. Where its landmarks span no plane, the face's box is taken as it is.

    Returns:
        RGB, uint8, shape (128, 128, 3); beyond the frame's border the picture goes on mirrored, since a black corner
        is no property of a face.
    """
    return _cut(look, SIDE, _FACE)


def skin_crop(look: Look) -> NDArray[np.uint8]:
    """Cut the middle of the face out, upright and always equally large.

    Args:
        look: as in :func:`face_crop`.

    Returns:
        RGB, uint8, shape (96, 96, 3); mirrored beyond the frame's border.
    """
    return _cut(look, SKIN_SIDE, _SKIN)


def _cut(look: Look, side: int, part: tuple[float, float, float]) -> NDArray[np.uint8]:
    matrix = _matrix(look, side, part)
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    image = look.image
    if shrink < 0.67:  # a plain warp would skip pixels, and skipped pixels look like the moire of a display
        image, matrix = _shrunk(image, matrix, shrink)
    flags = cv2.INTER_LINEAR
    crop = cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(crop, dtype=np.uint8)


def _matrix(look: Look, side: int, part: tuple[float, float, float]) -> NDArray[np.float64]:
    corner_left, corner_top, span = part
    try:
        matrix = similarity(look.face.landmarks)
        return (matrix - [[0.0, 0.0, corner_left], [0.0, 0.0, corner_top]]) * (side / span)
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
