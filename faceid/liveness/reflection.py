"""What a face reflects of the colours a screen shows: a person before it follows them, a recording cannot know them.

After Tang, Zhou, Zhang & Zhang, "Face Flashing: a Secure Liveness Detection Protocol based on Light Reflections", NDSS
2018, reduced to what a handful of looks from an ordinary camera carries: the colour of the light on the skin, not its
shading. A print reflects as skin does; that is for the other steps to find.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import SIDE, similarity
from faceid.liveness.capture import Look

Colours = NDArray[np.float64]

_SKIN = ((30, 16, 82, 36), (20, 62, 44, 90), (68, 62, 92, 90))
"""Forehead and cheeks in the aligned crop: left, top, right, bottom in pixels."""

_WIDE = 224
_DARK, _BRIGHT = 16.0, 245.0
"""Values of a pixel, in 1/255, that noise or saturation makes useless."""


@dataclass(frozen=True, slots=True)
class Reflection:
    """How skin and surroundings followed the light.

    Attributes:
        agreement: correlation of the skin's colour with the light's, -1 to 1.
        strength: how much the logarithm of the skin's colour changes with one unit of light.
        behind: the same for what is beside the head; None where too little of it can be seen.
    """

    agreement: float
    strength: float
    behind: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """What skin and surroundings looked like, look by look, free of what all channels share and of what drifts.

    Attributes:
        skin: logarithm of the mean linear colour, shape (looks, 3).
        around: the same beside the head; None where too little of it can be seen in some look.
    """

    skin: Colours
    around: Colours | None


def lit(looks: Sequence[Look]) -> Lit:
    """Measure skin and surroundings.

    Args:
        looks: at least three, in order of time.

    Raises:
        DegenerateLandmarks: a face cannot be aligned.
    """
    measured = [_seen(look) for look in looks]
    around = [one[1] for one in measured if one[1] is not None]
    skin = _chroma(np.stack([one[0] for one in measured]))
    return Lit(skin, _chroma(np.stack(around)) if len(around) == len(measured) else None)


def reflection(seen: Lit, lights: Colours) -> Reflection:
    """Correlate the colours of skin and surroundings with the light that the screen sent.

    A pixel's logarithm is that of its albedo plus that of the light on it, so what does not change falls out with the
    mean over time, and exposure, equal for all channels, with the mean over channels.

    Args:
        seen: of the looks.
        lights: linear RGB of the screen at each look, 0 to 1, shape (looks, 3).
    """
    light, skin = _chroma(lights, of_log=False), seen.skin
    agreement = float((skin * light).sum() / max(float(np.sqrt((skin**2).sum() * (light**2).sum())), 1e-9))
    behind = None if seen.around is None else _slope(seen.around, light)
    return Reflection(agreement, _slope(skin, light), behind)


def _slope(colours: Colours, light: Colours) -> float:
    return float((colours * light).sum() / max(float((light**2).sum()), 1e-9))


def _chroma(values: Colours, *, of_log: bool = True) -> Colours:
    """Take out what all channels share, then what never changes and what drifts; shape (looks, 3) in and out."""
    logs = np.log(np.maximum(values, 1e-4)) if of_log else values
    chroma = logs - logs.mean(axis=1, keepdims=True)
    times = np.linspace(-1.0, 1.0, len(chroma))[:, None]
    basis = np.concatenate([np.ones_like(times), times], axis=1)
    return np.asarray(chroma - basis @ np.linalg.lstsq(basis, chroma, rcond=None)[0], dtype=np.float64)


def _seen(look: Look) -> tuple[Colours, Colours | None]:
    """Mean linear colour of the skin and, where there is enough of it, of what is beside the head; shape (3,) each."""
    matrix = similarity(look.face.landmarks)
    matrix[:, 2] += (_WIDE - SIDE) / 2
    patch = cv2.warpAffine(
        look.image, matrix, (_WIDE, _WIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0)
    )
    margin = (_WIDE - SIDE) // 2
    parts = [
        patch[margin + top : margin + bottom, margin + left : margin + right].reshape(-1, 3)
        for left, top, right, bottom in _SKIN
    ]
    skin = _usable(np.concatenate(parts))
    around = _usable(patch[_BESIDE].reshape(-1, 3))
    enough = len(around) > 0.2 * _BESIDE.sum()
    return _mean(skin if len(skin) else np.concatenate(parts)), _mean(around) if enough else None


_ROWS, _COLUMNS = np.mgrid[:_WIDE, :_WIDE]
_BESIDE = (np.abs(_COLUMNS - _WIDE / 2) > 80) & (_ROWS < 130)
"""Beside the head and above the shoulders."""


def _usable(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    usable = (pixels.min(axis=1) >= _DARK) & (pixels.max(axis=1) <= _BRIGHT)
    return np.asarray(pixels[usable], dtype=np.uint8)


def _mean(pixels: NDArray[np.uint8]) -> Colours:
    """Average in linear light (IEC 61966-2-1)."""
    encoded = pixels.astype(np.float64) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear.mean(axis=0), dtype=np.float64)
