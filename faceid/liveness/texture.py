"""Colour texture of a face: multi-scale uniform LBP in HSV and LPQ in YCbCr.

Boulkenafet, Komulainen, Hadid: Face Spoofing Detection Using Colour Texture Analysis, IEEE TIFS 11(8), 2016.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

RADII = (1, 2, 4)
"""Radii of the local binary patterns, pixels of the crop."""

WINDOW = 7
"""Side of the window of local phase quantisation, pixels."""

_CORRELATION = 0.9
"""Correlation of neighbouring pixels that the phases are freed from (Ojansivu and Heikkila, ICISP 2008)."""

UNIFORM_BINS = 59
PHASE_BINS = 256
LENGTH = 3 * (len(RADII) * UNIFORM_BINS + PHASE_BINS)
"""Numbers in one colour texture."""


def colour_texture(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe the texture of a face in two colour spaces.

    Args:
        crop: RGB, uint8, shape (side, side, 3) with a side of at least 32 pixels.

    Returns:
        Square roots of histogram shares, so that their Euclidean distance is Hellinger's; float32, shape (1299,).
    """
    hsv, ycc = cv2.cvtColor(crop, cv2.COLOR_RGB2HSV), cv2.cvtColor(crop, cv2.COLOR_RGB2YCrCb)
    parts = [_share(local_binary_patterns(hsv[..., c], radius), UNIFORM_BINS) for c in range(3) for radius in RADII]
    parts += [_share(local_phases(ycc[..., c]), PHASE_BINS) for c in range(3)]
    return np.sqrt(np.concatenate(parts))


def local_binary_patterns(channel: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Code every pixel by which of its eight neighbours on a circle are at least as bright.

    Args:
        channel: uint8, shape (height, width).
        radius: of the circle, pixels.

    Returns:
        Uniform patterns 0 to 57 and 58 for all others, uint8, shape (height - 2 radius, width - 2 radius).
        LBP(8, radius, u2) of Ojala, Pietikainen, Maenpaa, IEEE TPAMI 24(7), 2002, eqs. 3-9.
    """
    values = channel.astype(np.float32)
    centre = values[radius:-radius, radius:-radius]
    code = np.zeros(centre.shape, dtype=np.uint8)
    for bit in range(8):
        angle = 2 * math.pi * bit / 8
        neighbour = _at(values, radius, -radius * math.sin(angle), radius * math.cos(angle))
        # Interpolation of equal values must count as equal, whatever rounding did.
        code |= (neighbour - centre >= -1e-3).astype(np.uint8) << bit
    return _UNIFORM[code]


def local_phases(channel: NDArray[np.uint8], window: int = WINDOW) -> NDArray[np.uint8]:
    """Code every pixel by the signs of four low frequencies around it, which blur leaves as they are.

    Args:
        channel: uint8, shape (height, width).
        window: side of the square around each pixel, odd, pixels.

    Returns:
        Codes 0 to 255, uint8, shape (height - window + 1, width - window + 1). Local phase quantisation with
        decorrelation: Ojansivu and Heikkila, ICISP 2008, section 3.
    """
    values = channel.astype(np.float32)
    values -= values.mean()
    planes = _frequencies(values, window)
    half = window // 2
    inner = planes[:, half : values.shape[0] - half, half : values.shape[1] - half]
    free = np.tensordot(_whitening(window), inner, axes=1)
    code = np.zeros(inner.shape[1:], dtype=np.uint8)
    for bit in range(8):
        code |= (free[bit] >= 0.0).astype(np.uint8) << bit
    return code


def _frequencies(values: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Real and imaginary parts of four frequencies around every pixel, shape (8, height, width)."""
    flat, cosine, sine = _waves(window)
    planes = [
        _filtered(values, cosine, flat),
        _filtered(values, sine, flat),
        _filtered(values, flat, cosine),
        _filtered(values, flat, sine),
    ]
    both, neither = _filtered(values, cosine, cosine), _filtered(values, sine, sine)
    one, other = _filtered(values, sine, cosine), _filtered(values, cosine, sine)
    planes += [both - neither, one + other, both + neither, one - other]
    return np.stack(planes)


def _filtered(
    values: NDArray[np.float32], along: NDArray[np.float32], down: NDArray[np.float32]
) -> NDArray[np.float32]:
    return np.asarray(cv2.sepFilter2D(values, cv2.CV_32F, along, down), dtype=np.float32)


def _waves(window: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    places = np.arange(window, dtype=np.float32) - window // 2
    turns = 2 * np.float32(math.pi) * places / window
    return np.ones(window, dtype=np.float32), np.cos(turns), np.sin(turns)


def _whitening_of(window: int) -> NDArray[np.float32]:
    """Matrix that frees the eight parts from the correlation that a Markov image gives them; shape (8, 8)."""
    flat, cosine, sine = (wave.astype(np.float64) for wave in _waves(window))

    def kernel(along: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.outer(down, along).ravel()

    both, neither = kernel(cosine, cosine), kernel(sine, sine)
    one, other = kernel(sine, cosine), kernel(cosine, sine)
    simple = [kernel(cosine, flat), kernel(sine, flat), kernel(flat, cosine), kernel(flat, sine)]
    kernels = np.stack([*simple, both - neither, one + other, both + neither, one - other])
    rows, columns = np.mgrid[0:window, 0:window].reshape(2, -1)
    distance = np.hypot(rows[:, None] - rows, columns[:, None] - columns)
    covariance = kernels @ (_CORRELATION**distance) @ kernels.T
    # Weights that differ a little keep the singular vectors in one order on every machine, as the authors do.
    weights = np.diag([1.000007, 1.000006, 1.000005, 1.000004, 1.000003, 1.000002, 1.000001, 1.0])
    _, _, vectors = np.linalg.svd(weights @ covariance @ weights)
    signs = np.where(vectors[np.arange(8), np.abs(vectors).argmax(axis=1)] < 0.0, -1.0, 1.0)
    return np.asarray(signs[:, None] * vectors, dtype=np.float32)


_WHITENING = {WINDOW: _whitening_of(WINDOW)}


def _whitening(window: int) -> NDArray[np.float32]:
    known = _WHITENING.get(window)
    return _whitening_of(window) if known is None else known


def _at(values: NDArray[np.float32], radius: int, down: float, along: float) -> NDArray[np.float32]:
    """Return the pixels shifted by a fraction, by bilinear interpolation, for all centres within the border."""
    height, width = values.shape[0] - 2 * radius, values.shape[1] - 2 * radius
    row, column = math.floor(down + 1e-9), math.floor(along + 1e-9)
    lower, right = np.float32(max(0.0, down - row)), np.float32(max(0.0, along - column))

    def shifted(rows: int, columns: int) -> NDArray[np.float32]:
        top, left = radius + row + rows, radius + column + columns
        return values[top : top + height, left : left + width]

    if lower < 1e-6 and right < 1e-6:
        return shifted(0, 0)
    upper_row = shifted(0, 0) + right * (shifted(0, 1) - shifted(0, 0))
    lower_row = shifted(1, 0) + right * (shifted(1, 1) - shifted(1, 0))
    return upper_row + lower * (lower_row - upper_row)


def _share(codes: NDArray[np.uint8], bins: int) -> NDArray[np.float32]:
    counts = np.bincount(codes.ravel(), minlength=bins)
    return np.asarray(counts / codes.size, dtype=np.float32)


def _uniform_table() -> NDArray[np.uint8]:
    """Number the 58 codes with at most two changes around the circle 0 to 57, all others 58."""
    table = np.full(256, UNIFORM_BINS - 1, dtype=np.uint8)
    following = 0
    for code in range(256):
        turned = code >> 1 | (code & 1) << 7
        if (code ^ turned).bit_count() <= 2:
            table[code] = following
            following += 1
    return table


_UNIFORM = _uniform_table()
