"""Laying pictures out as a network wants them."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.manifest import Axes, Colour, Input


def tensor_of(pictures: Sequence[NDArray[np.uint8]], pixels: Input) -> NDArray[np.float32]:
    """Lay pictures out as the input of a network.

    Args:
        pictures: RGB, uint8, each of the same shape (height, width, 3); at least one.
        pixels: colour order, axes, mean and deviation of the input.

    Returns:
        float32, shape (n, 3, height, width) or (n, height, width, 3) as ``pixels.axes`` says.
    """
    blob = np.asarray(cv2.dnn.blobFromImages(list(pictures), swapRB=pixels.colour is Colour.BGR), dtype=np.float32)
    if any(pixels.mean):
        blob -= np.array(pixels.mean, dtype=np.float32)[:, None, None]
    if pixels.std != (1.0, 1.0, 1.0):
        blob /= np.array(pixels.std, dtype=np.float32)[:, None, None]
    return blob if pixels.axes is Axes.NCHW else np.ascontiguousarray(blob.transpose(0, 2, 3, 1))


def filled(pictures: Sequence[NDArray[np.uint8]], exactly: int | None) -> list[NDArray[np.uint8]]:
    """Repeat the last picture where a network takes an exact number of them.

    Args:
        pictures: uint8, at least one.
        exactly: how many the network takes; None: any number.

    Returns:
        The pictures, and the last one again until there are ``exactly`` of them; more are left as they are.

    Raises:
        ValueError: there is no picture.
    """
    if not pictures:
        raise ValueError("A network needs at least one picture; there is none.")
    return [*pictures, *[pictures[-1]] * ((exactly or 0) - len(pictures))]
