"""Distortions that showing a picture of a face leaves: reflections, blur, faded and fewer colours.

Wen, Han, Jain: Face Spoof Detection With Image Distortion Analysis, IEEE TIFS 10(4), 2015.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

COLOURS = 100
"""How many of the most frequent colours are counted."""

LENGTH = 3 + 2 + 15 + COLOURS + 1
"""Numbers in one analysis: specular reflection, blur, chromatic moments, colour diversity."""

_LEVELS = 32
_SPECULAR_EXCESS = 1.5
_EPSILON = 1e-6


def distortion(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Measure what a face shows of having been shown before.

    Args:
        crop: RGB, uint8, shape (side, side, 3) with a side of at least 32 pixels.

    Returns:
        float32, shape (121,): 3 numbers of specular reflection, 2 of blur, 15 chromatic moments, 101 of colour
        diversity, in this order; each within about 0 to 1 but for the skewnesses.
    """
    luma = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255.0)
    parts = [specular(crop), np.array([blur(luma), edge_width(luma)]), chromatic_moments(crop), diversity(crop)]
    return np.concatenate(parts).astype(np.float32)


def specular(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Measure the light that the surface throws back without colour.

    The specular component of a pixel is what its least channel exceeds the least channel that its chromaticity has
    without reflection, as Tan and Ikeuchi (IEEE TPAMI 27(2), 2005) separate it; the reflection-free chromaticity is
    taken from the middle of the face's pixels instead of by their iteration (Shen and Zheng, Applied Optics 52(19),
    2013, do so per cluster), which is enough for a single surface of skin.

    Args:
        crop: RGB, uint8.

    Returns:
        Share of pixels with reflection, its mean and deviation among them, 0 to 1; float32, shape (3,).
    """
    red, green, blue = (plane.ravel().astype(np.float32) / np.float32(255.0) for plane in cv2.split(crop))
    least, most = np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)
    body = float(np.median(least / np.maximum(most, _EPSILON)))
    # min = body * (max - s) + s, solved for the neutral part s.
    neutral = np.clip((least - body * most) / max(1.0 - body, 0.05), 0.0, 1.0)
    shining = (neutral > _SPECULAR_EXCESS * max(float(neutral.mean()), 0.01)) & (most > 0.3)
    found = neutral[shining]
    if not len(found):
        return np.zeros(3, dtype=np.float32)
    return np.array([shining.mean(), found.mean(), found.std()], dtype=np.float32)


def blur(luma: NDArray[np.float32]) -> float:
    """Measure blur by how little a further blur changes, 0 sharp to 1 blurred.

    Args:
        luma: float32, shape (height, width), 0 to 1.

    Crete, Dolmiere, Ladret, Nicolas: The blur effect, SPIE 6492, 2007, eqs. 1-6.
    """
    worst = 0.0
    for axis, size in ((0, (1, 9)), (1, (9, 1))):
        change = np.abs(np.diff(luma, axis=axis))
        blurred = np.abs(np.diff(cv2.blur(luma, size), axis=axis))
        kept = np.maximum(change - blurred, 0.0).sum()
        total = float(change.sum())
        worst = max(worst, float((total - kept) / total) if total > _EPSILON else 1.0)
    return worst


def edge_width(luma: NDArray[np.float32]) -> float:
    """Measure how wide upright edges are: mean distance between the extremes beside them, shares of the width.

    Args:
        luma: float32, shape (height, width), 0 to 1.

    Marziliano, Dufaux, Winkler, Ebrahimi: A no-reference perceptual blur metric, ICIP 2002.
    """
    slope = cv2.Sobel(luma, cv2.CV_32F, 1, 0)
    strength = np.abs(slope)
    edges = strength > max(2.0 * float(strength.mean()), _EPSILON)
    if not edges.any():
        return 1.0
    rises = np.sign(np.diff(luma, axis=1))
    return float(np.mean(_run_lengths(rises)[edges[:, :-1] & (rises != 0.0)] / luma.shape[1]))


def chromatic_moments(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Measure how faded the colours are.

    Args:
        crop: RGB, uint8.

    Returns:
        For hue, saturation and value: mean, deviation, skewness, and the share of pixels in the least and the most
        frequent of 32 bins; float32, shape (15,).
    """
    hsv = cv2.cvtColor(crop, cv2.COLOR_RGB2HSV).reshape(-1, 3)
    # Hue 0 is in the middle of skin: half a turn keeps its moments from being torn.
    channels = [
        (hsv[:, 0].astype(np.float32) + 90) % 180 / 180,
        hsv[:, 1] / np.float32(255),
        hsv[:, 2] / np.float32(255),
    ]
    moments: list[float] = []
    for values in channels:
        mean, deviation = float(values.mean()), float(values.std())
        away = values - np.float32(mean)
        skewness = float((away * away * away).mean()) / max(deviation, 0.01) ** 3
        counts = np.bincount((values * (_LEVELS - 1)).astype(np.int64), minlength=_LEVELS) / len(values)
        moments += [mean, deviation, skewness, float(counts.min()), float(counts.max())]
    return np.array(moments, dtype=np.float32)


def diversity(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Measure how many colours there are.

    Args:
        crop: RGB, uint8.

    Returns:
        Shares of the 100 most frequent of 32 x 32 x 32 colours, most frequent first, then the number of distinct
        colours over the number of pixels; float32, shape (101,).
    """
    red, green, blue = (plane.ravel().astype(np.int32) >> 3 for plane in cv2.split(crop))
    counts = np.bincount(red * _LEVELS**2 + green * _LEVELS + blue)
    present = np.sort(counts[counts > 0])[::-1]
    frequent = np.zeros(COLOURS, dtype=np.float32)
    frequent[: len(present)] = present[:COLOURS]
    return np.append(frequent, np.float32(len(present))) / np.float32(len(red))


def _run_lengths(signs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return for every place the length of the run of equal signs along its row that it is part of."""
    height, width = signs.shape
    begins = np.ones(signs.shape, dtype=bool)
    begins[:, 1:] = signs[:, 1:] != signs[:, :-1]
    starts = np.flatnonzero(begins.ravel())
    lengths = np.diff(np.append(starts, height * width))
    return np.repeat(lengths, lengths).reshape(height, width).astype(np.float32)
