"""Joining what several methods say into one probability."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from faceid.liveness.method import Evidence

LIMIT: Final = 6.0
"""Log-odds beyond this, odds of 400 to 1, count as this: no method is that sure of a camera it never saw."""

UNFITTED: Final = 0.5
"""Weight of a method that gave no evidence when the weights were fitted, such as those for films on stills.

Methods look at the same face and err together, so each counts less than independent evidence (weight 1) would.
"""

OTHER_SENSOR: Final = frozenset({"infrared"})
"""Methods that look through another sensor: what fools the others in visible light does not fool them, so their word is
independent evidence, weight 1, until a weight was fitted."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """Weights of methods in a sum of log-odds.

    A method without evidence adds nothing, which is what log-odds of zero mean: the sum stays the log-odds of what was
    seen (the linear opinion pool of log-likelihood ratios; Brummer, du Preez, Computer Speech and Language 20, 2006).

    Attributes:
        weights: by method, not negative: a method's word may be ignored, but never turned around.
        bias: added to the sum.
    """

    weights: tuple[tuple[str, float], ...] = ()
    bias: float = 0.0

    def log_odds(self, evidence: Sequence[Evidence], shifts: Mapping[str, float] | None = None) -> float:
        """Return the log-odds of a living person at equal odds beforehand.

        Args:
            evidence: of the methods that had any.
            shifts: added to methods' scores before they are weighed, by name: a camera's calibration.
        """
        known = dict(self.weights)
        moved = shifts or {}
        return self.bias + sum(
            known.get(one.method, 1.0 if one.method in OTHER_SENSOR else UNFITTED)
            * limited(one.score + moved.get(one.method, 0.0))
            for one in evidence
        )


def limited(score: float) -> float:
    """Return log-odds held between -6 and 6; a method that answers no number says nothing."""
    return 0.0 if math.isnan(score) else max(-LIMIT, min(LIMIT, score))


def probability(log_odds: float) -> float:
    """Turn log-odds into a probability, 0 to 1, without overflow."""
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    power = math.exp(log_odds)
    return power / (1.0 + power)
