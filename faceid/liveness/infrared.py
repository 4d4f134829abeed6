"""A near-infrared frame beside the visible one: screens are black in it, prints flat, and a lamp fades behind a head.

Features after Zhang, Yi, Lei & Li, "Face liveness detection by learning multispectral reflectance distributions", FG
2011, and Wang, Wang et al., "CASIA-SURF", CVPR 2019, whose attacks lose their features at 850 to 940 nm.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import SIDE, similarity
from faceid.errors import DegenerateLandmarks
from faceid.liveness.capture import Capture
from faceid.liveness.method import Evidence
from faceid.liveness.texture import UNIFORM_BINS, local_binary_patterns

Channel = NDArray[np.uint8]

_WIDE = 224
"""Side of the patch with the surroundings; the aligned face lies in its middle, as large as in the crop."""

_INNER = slice(56 + 20, 56 + 96)
_BINS = 32

_CONTRAST, _LIKENESS, _LIT = 0.09, 0.35, 2.1
"""Where a person and a picture are equally likely; from made near-infrared frames, see ``tests``."""


@dataclass(frozen=True, slots=True)
class Infrared:
    """Does the face look in near-infrared as a face that a lamp beside the camera lights?"""

    name: str = "infrared"

    def judge(self, capture: Capture) -> Evidence | None:
        """Compare the near-infrared frame's face with its surroundings and with the visible face.

        Returns:
            Log-odds of a living person with ``contrast`` (standard deviation over mean of the face), ``likeness``
            (correlation with the visible face, -1 to 1), ``lit`` (brightness over that of the surroundings), ``apart``
            and ``texture`` (chi-square distances, 0 to 1, of grey values and of local binary patterns between face
            and surroundings); None without an infrared frame or where the face cannot be aligned.
            The weakest of contrast, likeness and light decides: each attack species fails another one.
        """
        if capture.infrared is None:
            return None
        try:
            matrix = similarity(capture.still.face.landmarks)
        except DegenerateLandmarks:
            return None
        infrared = _wide(capture.infrared, matrix)
        visible = _wide(np.asarray(cv2.cvtColor(capture.still.image, cv2.COLOR_RGB2GRAY), dtype=np.uint8), matrix)
        figures = _figures(infrared, visible)
        return Evidence(self.name, _score(figures), tuple(figures.items()))


def _score(figures: dict[str, float]) -> float:
    contrast = 4.0 * float(np.log(max(figures["contrast"], 1e-3) / _CONTRAST))
    likeness = 8.0 * (figures["likeness"] - _LIKENESS)
    lit = 4.0 * float(np.log(max(figures["lit"], 1e-3) / _LIT))
    apart = 2.0 * (figures["apart"] + figures["texture"] - 0.4)
    return float(np.clip(min(contrast, likeness, lit) + min(apart, 1.0), -8.0, 8.0))


def _figures(infrared: Channel, visible: Channel) -> dict[str, float]:
    face, around = infrared[_INNER, _INNER], infrared[~_HEAD]
    mean = max(float(face.mean()), 1.0)
    return {
        "contrast": float(_soft(infrared)[_INNER, _INNER].std()) / max(mean, 20.0),
        "likeness": _correlation(_soft(infrared)[_INNER, _INNER], _soft(visible)[_INNER, _INNER]),
        "lit": mean / max(float(around.mean()), 1.0) if mean >= 20.0 else mean / 20.0,
        "apart": _chi_square(_grey(face), _grey(around)),
        "texture": _chi_square(_patterns(infrared)[0], _patterns(infrared)[1]),
    }


_ROWS, _COLUMNS = np.mgrid[:_WIDE, :_WIDE]
_HEAD = (np.abs(_COLUMNS - _WIDE / 2) < 84) | (_ROWS > 150)
"""The head and the body below it; what is left is beside the head."""


def _wide(channel: Channel, matrix: NDArray[np.float64]) -> Channel:
    moved = matrix.copy()
    moved[:, 2] += (_WIDE - SIDE) / 2
    warped = cv2.warpAffine(channel, moved, (_WIDE, _WIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def _soft(channel: Channel) -> NDArray[np.float32]:
    """Leave out noise and what a lamp's fall-off does over the whole face: a band of middle frequencies."""
    values = channel.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(values, (0, 0), 2.0) - cv2.GaussianBlur(values, (0, 0), 16.0), dtype=np.float32)


def _correlation(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    one, two = one - one.mean(), two - two.mean()
    return float((one * two).sum() / max(float(np.sqrt((one**2).sum() * (two**2).sum())), 1e-6))


def _grey(values: Channel) -> NDArray[np.float64]:
    counts = np.bincount(values.ravel() // (256 // _BINS), minlength=_BINS).astype(np.float64)
    return counts / max(float(counts.sum()), 1.0)


def _patterns(channel: Channel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Histograms of uniform local binary patterns of radius 2 in the face and around it."""
    codes = local_binary_patterns(channel, 2)
    outside = ~_HEAD[2:-2, 2:-2]
    shifted = slice(_INNER.start - 2, _INNER.stop - 2)
    both = (codes[shifted, shifted].ravel(), codes[outside])
    one, two = (np.bincount(part, minlength=UNIFORM_BINS).astype(np.float64) / part.size for part in both)
    return one, two


def _chi_square(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    return float(((one - two) ** 2 / np.maximum(one + two, 1e-9)).sum() / 2.0)
