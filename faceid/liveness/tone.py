"""Tone of a face: how far its darks and lights lie from its middle tones, and of which colours all three are.

What shows a face anew has a black, a white and colours of its own: a display lifts the darks by its own light and by
what its glass throws back, and is whiter or bluer than the lamps of a room; inks reach neither the darks nor the
colours of hair and shadows. Exposure scales all light alike, so its range is taken relative to the face's median. That
recapture narrows range and colours is from Wen, Han, Jain, IEEE TIFS 10(4), 2015; their moments take a face's colours
together, here they are told apart by lightness, in linear light. No step looks at fine detail, so noise and blur matter
little.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.liveness.attacks.light import to_linear

LENGTH = 2 * (6 + 6 + 2)
"""Numbers in one description: range, colours and clipping of skin, and of the whole face."""

_SHARES = (0.01, 0.05, 0.25, 0.75, 0.95, 0.99)
_EDGE = 0.02
_MIDDLE = (1 / 3, 2 / 3)
_FLOOR = 0.002
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def tone(skin: NDArray[np.uint8], face: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe the tone of a face.

    Args:
        skin: RGB, uint8, shape (side, side, 3): little but skin.
        face: RGB, uint8, likewise: the whole face with brows and what hair surrounds it.

    Returns:
        float32, shape (28,). For skin, then for the face: six quantiles of light (1, 5, 25, 75, 95 and 99 %) as
        logarithms relative to the median; logarithms of red to green and of blue to green among the darkest 2 %, the
        middle third and the lightest 2 %; shares of pixels with a channel at white, and with one at black.
    """
    return np.concatenate([_described(skin), _described(face)]).astype(np.float32)


def _described(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    # A soft look, since the darkest and the lightest single pixels are noise.
    light = to_linear(np.asarray(cv2.GaussianBlur(crop, (0, 0), 1.0), dtype=np.uint8)).reshape(-1, 3)
    luma = light @ _LUMA
    order = np.argsort(luma, kind="stable")
    count = len(order)
    logs = np.log(luma[order] + np.float32(_FLOOR))
    spread = [logs[round(share * (count - 1))] - logs[count // 2] for share in _SHARES]
    edge, low, high = max(1, round(_EDGE * count)), round(_MIDDLE[0] * count), round(_MIDDLE[1] * count)
    colours = [_colour(light[rows]) for rows in (order[:edge], order[low:high], order[-edge:])]
    clipped = [(crop.max(axis=2) >= 250).mean(), (crop.min(axis=2) <= 4).mean()]
    return np.concatenate([spread, *colours, clipped]).astype(np.float32)


def _colour(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logarithms of red to green and of blue to green of the mean of some pixels, shape (2,)."""
    logs = np.log(light.mean(axis=0) + np.float32(_FLOOR))
    return np.asarray([logs[0] - logs[1], logs[2] - logs[1]], dtype=np.float32)
