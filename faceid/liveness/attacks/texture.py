"""Sampling a picture, and endless textures, at the places a camera's pixels look at."""

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.liveness.attacks.light import Linear

_TILE = 256


def sampled(
    picture: Linear, x: NDArray[np.float32], y: NDArray[np.float32], *, scale: float, detail: float = np.inf
) -> Linear:
    """Look a picture up at every pixel of a frame without aliasing.

    Args:
        picture: linear light, shape (height, width, 3).
        x, y: places in the picture, its pixels, one per frame pixel.
        scale: frame pixels per picture pixel.
        detail: pixels per picture pixel that whatever shows the picture has; fewer than 1 lose detail.

    Returns:
        Linear light of the frame's shape; beyond its border the picture goes on mirrored.
    """
    factor = min(1.0, scale, detail)
    height, width = picture.shape[:2]
    size = max(4, round(width * factor)), max(4, round(height * factor))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if factor < 1.0 else picture
    across, down = np.float32(small.shape[1] / width), np.float32(small.shape[0] / height)
    places = (x + 0.5) * across - 0.5, (y + 0.5) * down - 0.5
    seen = cv2.remap(small, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(seen, dtype=np.float32)


def tile(generator: np.random.Generator, blur: float) -> NDArray[np.float32]:
    """Draw a texture that repeats: noise without its broad variations, mean 0 and deviation 1; shape (256, 256)."""
    noise = generator.standard_normal((_TILE, _TILE)).astype(np.float32)
    padded = np.pad(noise, 32, mode="wrap")
    fine = cv2.GaussianBlur(padded, (0, 0), blur) if blur > 0.0 else padded
    kept = (fine - cv2.GaussianBlur(padded, (0, 0), 4.0 + 2.0 * blur))[32:-32, 32:-32]
    return np.asarray((kept - kept.mean()) / kept.std(), dtype=np.float32)


def tiled(texture: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Look a repeating texture up at places given in its pixels; float32, the shape of ``x``."""
    places = np.mod(x, _TILE).astype(np.float32), np.mod(y, _TILE).astype(np.float32)
    return np.asarray(cv2.remap(texture, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), dtype=np.float32)
