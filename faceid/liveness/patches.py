"""Small squares of a face at the resolution at which the camera saw them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.liveness.capture import Look

SIDE = 48
"""Side of one patch, pixels."""

ACROSS = 3
"""Patches along each side of the face at judgement: up to 9 in all."""

_ROOM = 1.1
"""Side of the judged square in sides of the face's box: the skin up to the hair, little of what is behind it."""


def grid_patches(look: Look) -> NDArray[np.uint8]:
    """Cut the patches by which a look is judged: a grid over the face, the same every time.

    Args:
        look: frame and face.

    Returns:
        RGB, uint8, shape (n, 48, 48, 3), n from 1 to 9: as many as lie beside each other with half an overlap at most.
        Nothing is scaled down, because what gives paper and displays away is as small as a pixel; a face smaller than
        a patch is enlarged to one.
    """
    face = face_square(look)
    rows, columns = (_starts(length) for length in face.shape[:2])
    cut = [face[row : row + SIDE, column : column + SIDE] for row in rows for column in columns]
    return np.ascontiguousarray(np.stack(cut))


def random_patches(look: Look, count: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Cut patches anywhere from the face, as Atoum et al. (IJCB 2017, 3.1) train with.

    Args:
        look: frame and face.
        count: how many.
        generator: source of chance.

    Returns:
        RGB, uint8, shape (count, 48, 48, 3).
    """
    face = face_square(look)
    rows = generator.integers(0, face.shape[0] - SIDE + 1, count)
    columns = generator.integers(0, face.shape[1] - SIDE + 1, count)
    pairs = zip(rows, columns, strict=True)
    return np.stack([face[row : row + SIDE, column : column + SIDE] for row, column in pairs])


def face_square(look: Look) -> NDArray[np.uint8]:
    """Cut out the face at its own resolution, as far as it lies in the frame.

    Returns:
        RGB, uint8, shape (height, width, 3), both at least 48.
    """
    left, top, width, height = (float(value) for value in look.face.box)
    reach = _ROOM * max(width, height) / 2
    centre = left + width / 2, top + height / 2
    rows, columns = look.image.shape[:2]
    x0, x1 = _span(centre[0] - 0.85 * reach, centre[0] + 0.85 * reach, columns)
    y0, y1 = _span(centre[1] - reach, centre[1] + reach, rows)
    face = look.image[y0:y1, x0:x1]
    factor = SIDE / min(face.shape[:2])
    if factor > 1.0:
        size = max(SIDE, round(face.shape[1] * factor)), max(SIDE, round(face.shape[0] * factor))
        face = np.asarray(cv2.resize(face, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    return face


def _span(low: float, high: float, length: int) -> tuple[int, int]:
    """Limit a span to the frame; never empty, wherever a face's box lies."""
    start = int(np.clip(np.nan_to_num(low), 0, length - 1))
    end = int(np.clip(np.nan_to_num(high), start + 1, length))
    return start, end


def _starts(length: int) -> list[int]:
    count = int(np.clip(round(2 * length / SIDE) - 1, 1, ACROSS))
    return [round(place) for place in np.linspace(0, length - SIDE, count)]
