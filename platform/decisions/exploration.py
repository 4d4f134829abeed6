"""Chance with a known probability, so that what was shown can later be weighed against what might have been."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TINY = 1e-100
"""Weights whose sum is below this have lost their digits."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """How much is left to chance.

    Attributes:
        temperature: 1 draws in proportion to the values, towards 0 takes the best; above 0.
        floor: share of each draw that is uniform, in [0, 1]; keeps every propensity above floor / candidates, which
            bounds the weights of inverse-propensity estimates.
    """

    temperature: float = 0.4
    floor: float = 0.05

    def __post_init__(self) -> None:
        if not self.temperature > 0 or not 0 <= self.floor <= 1:
            raise ValueError(f"temperature must be above 0 and floor within [0, 1], got {self}")


@dataclass(frozen=True, slots=True)
class Draw:
    """One drawn place.

    Attributes:
        index: which candidate.
        propensity: its probability at this place, given the places before it.
    """

    index: int
    propensity: float


def probabilities(values: NDArray[np.float64], exploration: Exploration) -> NDArray[np.float64]:
    """Return the probability of each candidate for the next place.

    Args:
        values: what showing each candidate is worth, shape (candidates,), finite and not negative.

    Returns:
        Shape (candidates,), each above 0 when the floor is, summing to 1: (1 - floor) of values^(1 / temperature),
        normalised, plus floor of the uniform distribution.
    """
    return _mixed(_weights(values, exploration), exploration)


def draw(
    values: NDArray[np.float64], places: int, exploration: Exploration, random: np.random.Generator
) -> Iterator[Draw]:
    """Draw up to ``places`` different candidates, one after the other, with their conditional propensities.

    Plackett-Luce: each place is drawn by Luce's choice rule from what is left (Plackett, "The analysis of
    permutations", Applied Statistics 24, 1975; Luce, "Individual choice behavior", 1959), here mixed with a uniform
    floor. The probability of the whole slate is the product of the conditional ones.
    """
    left, weights = np.arange(len(values)), _weights(values, exploration)
    while len(left) and places > 0:
        if weights.sum() < TINY:  # what was far better is gone: weigh what is left among itself
            weights = _weights(values[left], exploration)
        chances = _mixed(weights, exploration)
        place = min(int(np.searchsorted(np.cumsum(chances), random.random(), side="right")), len(left) - 1)
        yield Draw(int(left[place]), min(float(chances[place]), 1.0))
        left, weights = np.delete(left, place), np.delete(weights, place)
        places -= 1


def _weights(values: NDArray[np.float64], exploration: Exploration) -> NDArray[np.float64]:
    """Return values^(1 / temperature), scaled so that the largest is 1."""
    with np.errstate(divide="ignore"):
        logs = np.log(values) / exploration.temperature
    best = logs.max()
    return np.exp(logs - best) if np.isfinite(best) else np.ones_like(values)


def _mixed(weights: NDArray[np.float64], exploration: Exploration) -> NDArray[np.float64]:
    """Return the weights as probabilities, with their uniform share."""
    mixed: NDArray[np.float64] = (1 - exploration.floor) / weights.sum() * weights + exploration.floor / len(weights)
    return mixed
