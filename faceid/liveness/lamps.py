"""Made near-infrared frames of people, screens and prints, from a photograph; synthetic, for calibration and tests.

Skin, eyes and hair in near-infrared are taken to be what the red channel shows, only softer; a lamp beside the camera
lights what is near.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.liveness.sitter import Sitter

Channel = NDArray[np.uint8]

NOISE = 2.5
"""Standard deviation of an infrared camera's noise, in 1/255 of full scale."""


def person(sitter: Sitter, *, seed: int = 0) -> Channel:
    """Light a person: the head as bright as the lamp allows, the room behind it at a fifth.

    Returns:
        Near-infrared, uint8, shape (height, width) of the photograph.
    """
    reach = 0.2 + 0.8 * cv2.GaussianBlur(sitter.skin, (0, 0), 6.0)
    return _sensed(0.9 * _red(sitter.image) * reach, seed)


def screen(shape: tuple[int, int], *, seed: int = 0) -> Channel:
    """Look at a screen: it sends no near-infrared and mirrors a little of the lamp."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    glare = 40.0 * np.exp(-(((columns - 0.8 * shape[1]) / 50) ** 2) - ((rows - 0.15 * shape[0]) / 40) ** 2)
    return _sensed(10.0 + glare, seed)


def dye_print(image: NDArray[np.uint8], *, seed: int = 0) -> Channel:
    """Look at a print in dyes, which near-infrared passes through: paper with a trace of the picture.

    Args:
        image: what is printed, RGB, uint8, shape (height, width, 3).
        seed: of the sensor's noise.

    Returns:
        The near-infrared frame, uint8, shape (height, width), 0 to 255.
    """
    return _sensed(170.0 + 0.05 * (_red(image) - 128.0), seed)


def carbon_print(image: NDArray[np.uint8], *, seed: int = 0) -> Channel:
    """Look at a print in carbon black: the whole picture, lit as one plane.

    Args:
        image: what is printed, RGB, uint8, shape (height, width, 3).
        seed: of the sensor's noise.

    Returns:
        The near-infrared frame, uint8, shape (height, width), 0 to 255.
    """
    return _sensed(40.0 + 0.6 * _red(image), seed)


def _red(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(image[..., 0].astype(np.float32), (0, 0), 1.2), dtype=np.float32)


def _sensed(frame: NDArray[np.float32], seed: int) -> Channel:
    noise = NOISE * np.random.default_rng(seed).standard_normal(frame.shape, dtype=np.float32)
    return np.asarray(np.clip(frame + noise + 0.5, 0.0, 255.0), dtype=np.uint8)
