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

MISSED: Final[Mapping[str, float]] = {"pulse": 0.2, "motion": 0.1}
"""Methods that look for life in a film, and how often they may find none in a living person: too little light for a
pulse, somebody who stands still. Their word against a person is bounded by this. Assumed, with caution: no films of
living people could be measured here, only made ones."""

DOUBT: Final = 1.0
"""Log-odds against a person within which a film is taken to tell nothing."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """Weights of methods in a sum of log-odds, and no more life than a film shows.

    A method without evidence adds nothing, which is what log-odds of zero mean: the sum stays the log-odds of what was
    seen (the linear opinion pool of log-likelihood ratios; Brummer, du Preez, Computer Speech and Language 20, 2006).

    An attack shows in its surface or in its lifelessness, and a good picture that is held still or waved shows in
    nothing but the latter. So a surface without fault is no evidence for life against a film without life: the two
    kinds of attack are alternatives, whose odds add up where log-odds of one kind do (:func:`without_life`).

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
        joined = self.bias + sum(
            known.get(one.method, 1.0 if one.method in OTHER_SENSOR else UNFITTED)
            * limited(one.score + moved.get(one.method, 0.0))
            for one in evidence
        )
        against = without_life(evidence)
        return joined if not against else -math.log(math.exp(-joined) + against)


def without_life(evidence: Sequence[Evidence]) -> float:
    """Return the odds, against a living person, of a picture that is held still or waved.

    Returns:
        0 where no film was read or the film leaves doubt; else exp(-v - 1) - 1, where v is the sum of what the methods
        of :data:`MISSED` say, each bounded from below: one that finds life outweighs one that finds none.
    """
    said = [max(limited(one.score), math.log(MISSED[one.method])) for one in evidence if one.method in MISSED]
    return max(math.exp(-sum(said) - DOUBT) - 1.0, 0.0) if said else 0.0


def limited(score: float) -> float:
    """Return log-odds held between -6 and 6; a method that answers no number says nothing."""
    return 0.0 if math.isnan(score) else max(-LIMIT, min(LIMIT, score))


def probability(log_odds: float) -> float:
    """Turn log-odds into a probability, 0 to 1, without overflow."""
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    power = math.exp(log_odds)
    return power / (1.0 + power)
