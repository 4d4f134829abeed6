"""From a network's probability to one that means what it says, by scene and by position."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

ONE = np.float32(1)
SMALLEST, LARGEST = np.float32(1e-7), ONE - np.float32(1e-7)

Shifts = Mapping[int, float]
"""What is added to the log-odds, by id of the feature (`recsys.features`); nothing where an id is missing."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt scaling with a shift for scenes and positions that are off by one of their own.

    The calibrated log-odds are slope x log-odds + intercept + scenes[scene] + positions[position]. A shift is the same
    for all candidates of a decision, so it never changes their order.
    """

    slope: float = 1.0
    intercept: float = 0.0
    scenes: Shifts = field(default_factory=dict)
    positions: Shifts = field(default_factory=dict)

    def shift(self, feeds: Mapping[str, NDArray[np.int32]]) -> NDArray[np.float32] | float:
        """Return what scene and position add to the log-odds, float32, shape (rows, 1); 0.0 where nothing ever does.

        Args:
            feeds: encoded features, of which `scene` and `position` are looked at, shape (rows, 1).
        """
        total: NDArray[np.float32] | float = 0.0
        for name, shifts in (("scene", self.scenes), ("position", self.positions)):
            if shifts and name in feeds:
                found = [shifts.get(one, 0.0) for one in feeds[name][:, 0].tolist()]
                total = total + np.array(found, dtype=np.float32)[:, None]
        return total

    def document(self) -> dict[str, Any]:
        """Return the calibration as JSON: ids become text there."""
        return {
            "slope": self.slope,
            "intercept": self.intercept,
            "scenes": {str(one): shift for one, shift in self.scenes.items()},
            "positions": {str(one): shift for one, shift in self.positions.items()},
        }

    @classmethod
    def read(cls, text: str) -> Calibration:
        """Read what `json.dumps` makes of a document.

        Raises:
            ValueError: it is no calibration.
        """
        try:
            found = json.loads(text)
            return cls(
                float(found["slope"]), float(found["intercept"]), _shifts(found["scenes"]), _shifts(found["positions"])
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{text[:80]!r} is no calibration: {error!r}") from error


def calibrate(
    probabilities: NDArray[np.float32], calibration: Calibration, shift: NDArray[np.float32] | float = 0.0
) -> NDArray[np.float32]:
    """Apply Platt scaling to probabilities of any shape.

    Platt, "Probabilistic outputs for support vector machines", 1999; here on the log-odds of the network's probability.

    Args:
        shift: of the same shape or one that broadcasts to it: `Calibration.shift`.
    """
    odds = np.asarray(probabilities, dtype=np.float32).clip(SMALLEST, LARGEST)
    odds /= ONE - odds
    np.log(odds, out=odds)
    odds *= np.float32(calibration.slope)
    odds += calibration.intercept + shift
    np.negative(odds, out=odds)
    np.exp(odds, out=odds)
    odds += ONE
    calibrated: NDArray[np.float32] = np.reciprocal(odds, out=odds)
    return calibrated


def calibrate_rows(
    probabilities: NDArray[np.float32], calibration: Calibration, rows: Mapping[str, NDArray[np.int32]]
) -> NDArray[np.float32]:
    """Calibrate the rows of a log, float32, shape (rows,), each by its own scene and position."""
    return calibrate(probabilities[:, None], calibration, calibration.shift(rows))[:, 0]


def _shifts(found: Mapping[str, Any]) -> Shifts:
    return {int(one): float(shift) for one, shift in found.items()}
