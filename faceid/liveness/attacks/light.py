"""Linear light, smooth random fields and random choices, shared by paper, displays and cameras."""

import cv2
import numpy as np
from numpy.typing import NDArray

Linear = NDArray[np.float32]
"""RGB in linear light, 0 is black and 1 the camera's white; float32, shape (height, width, 3)."""

_CODES = np.arange(256, dtype=np.float64) / 255.0
_TO_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""IEC 61966-2-1 (sRGB), 5.2."""

_STEPS = 4096
_RAMP = np.arange(_STEPS, dtype=np.float64) / (_STEPS - 1)
_TO_SRGB = np.where(_RAMP <= 0.0031308, 12.92 * _RAMP, 1.055 * _RAMP ** (1 / 2.4) - 0.055).astype(np.float32)
"""IEC 61966-2-1 (sRGB), 5.3, at 4,096 steps."""


def to_linear(image: NDArray[np.uint8]) -> Linear:
    """Turn sRGB codes into linear light."""
    linear: Linear = _TO_LINEAR[image]
    return linear


def to_srgb(light: Linear) -> Linear:
    """Turn linear light, clipped to 0..1, into sRGB values 0..1, float32."""
    values: Linear = _TO_SRGB[(np.clip(light, 0.0, 1.0) * (_STEPS - 1) + 0.5).astype(np.int32)]
    return values


def smooth_field(generator: np.random.Generator, size: tuple[int, int], cells: int) -> NDArray[np.float32]:
    """Draw a smooth random field.

    Args:
        generator: source of chance.
        size: height and width in pixels.
        cells: random knots along each side; few make broad shades, many a fine texture.

    Returns:
        float32, shape ``size``, about -1 to 1.
    """
    knots = generator.uniform(-1.0, 1.0, (max(2, cells), max(2, cells))).astype(np.float32)
    return np.asarray(cv2.resize(knots, (size[1], size[0]), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def log_uniform(generator: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform: as often between 1 and 2 as between 2 and 4."""
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))


def transfer(frequency: float, blur: float = 0.35) -> float:
    """Return the contrast that a camera keeps at a spatial frequency.

    Args:
        frequency: cycles per camera pixel; above 0.5 what is left of the contrast shows as moire.
        blur: standard deviation of the lens's spot, camera pixels.

    Returns:
        0 to 1: the pixel's aperture (sinc) times a Gaussian lens (Boreman, Modulation Transfer Function, 2001, 2.1).
    """
    return float(abs(np.sinc(frequency)) * np.exp(-2.0 * (np.pi * blur * frequency) ** 2))
