"""Getting used to a camera: a few captures of people known to be alive shift what its pictures are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from faceid.liveness.fusion import limited
from faceid.liveness.method import Evidence

LEAST_CAPTURES: Final = 3
"""Fewer captures say nothing of a camera."""

MOST_SHIFT: Final = 3.0
"""Log-odds by which a method is shifted at most: a camera cannot vouch for everybody."""

_TRUST: Final = 4.0
"""Captures after which half of the difference is believed."""


@dataclass(frozen=True, slots=True)
class CameraCalibration:
    """Shifts of the methods' log-odds for one camera.

    Attributes:
        shifts: by method; positive where the camera makes living people look less alive than those of training.
        captures: how many it was measured on.
    """

    shifts: tuple[tuple[str, float], ...] = ()
    captures: int = 0


def calibrated(evidence: Sequence[Sequence[Evidence]], usual: Mapping[str, float]) -> CameraCalibration:
    """Measure a camera on people who are known to be alive, such as staff at installation.

    Each method's shift is the difference between the median of its log-odds for living people in training and here,
    drawn towards none by how few the captures are, as an empirical Bayes estimate is.

    Args:
        evidence: per capture, what every method said.
        usual: by method, the median log-odds of living people held out from training.

    Raises:
        ValueError: fewer than three captures.
    """
    if len(evidence) < LEAST_CAPTURES:
        raise ValueError(f"A camera is calibrated on {LEAST_CAPTURES} captures of living people at least.")
    shifts = []
    for method, expected in sorted(usual.items()):
        seen = [limited(one.score) for capture in evidence for one in capture if one.method == method]
        if len(seen) >= LEAST_CAPTURES:
            share = len(seen) / (len(seen) + _TRUST)
            difference = share * (expected - median(seen))
            shifts.append((method, max(-MOST_SHIFT, min(MOST_SHIFT, difference))))
    return CameraCalibration(tuple(shifts), len(evidence))
