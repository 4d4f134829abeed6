"""Chance with a known probability, so that what was shown can later be weighed against what might have been."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

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
        propensity: its probability at this place, given the places before it; exact.
    """

    index: int
    propensity: float


def probabilities(values: Reals, exploration: Exploration) -> Reals:
    """Return the probability of each candidate for the next place.

    Args:
        values: what showing each candidate is worth, finite and not negative, shape (candidates,); or as each of
            several equally likely worlds has it, shape (worlds, candidates).

    Returns:
        Shape (candidates,), each above 0 when the floor is, summing to 1: (1 - floor) of values^(1 / temperature),
        normalised and averaged over the worlds, plus floor of the uniform distribution.
    """
    weights = _weights(np.atleast_2d(values), exploration)
    mixed: Reals = _chances(weights, exploration).mean(axis=0)
    return mixed


def draw(values: Reals, places: int, exploration: Exploration, random: np.random.Generator) -> Iterator[Draw]:
    """Draw up to ``places`` different candidates, one after the other, with their conditional propensities.

    Plackett-Luce: each place is drawn by Luce's choice rule from what is left (Plackett, "The analysis of
    permutations", Applied Statistics 24, 1975; Luce, "Individual choice behavior", 1959), here mixed with a uniform
    floor. The probability of the whole slate is the product of the conditional ones.

    Several worlds (draws from a posterior) make it Thompson sampling over a finite ensemble (Lu and Van Roy, "Ensemble
    sampling", NeurIPS 2017). Picking one world and drawing the slate from it is the same policy as drawing each place
    from the mixture of all worlds, weighed by how likely each made the places before. The second is what happens here,
    so the propensity is the marginal one, summed and not sampled: it has no Monte-Carlo error.

    Args:
        values: shape (candidates,) or (worlds, candidates), finite and not negative; float32 is computed with as such,
            since what is recorded is what is drawn by.
    """
    if values.ndim == 1:
        yield from _draw_from_one(values, places, exploration, random)
        return
    worlds = values
    left, weights = np.ones(worlds.shape[1], dtype=np.bool_), _weights(worlds, exploration)
    belief = np.full(len(worlds), 1 / len(worlds))
    for count in range(worlds.shape[1], max(worlds.shape[1] - places, 0), -1):
        sums = weights.sum(axis=1)
        if sums.min() < TINY:  # what was far better is gone: weigh what is left among itself
            lost = sums < TINY
            weights[np.ix_(lost, left)] = _weights(worlds[np.ix_(lost, left)], exploration)
            sums = weights.sum(axis=1)
        shares, uniform = (1 - exploration.floor) / sums, exploration.floor / count
        mixed = (belief * shares).astype(weights.dtype) @ weights + left * uniform
        place = int(mixed.cumsum().searchsorted(random.random(), side="right"))
        if place >= len(mixed):  # the sum was rounded to just below 1
            place = int(np.flatnonzero(left)[-1])
        yield Draw(place, min(float(mixed[place]), 1.0))
        belief *= shares * weights[:, place] + uniform
        belief /= belief.sum()
        left[place] = False
        weights[:, place] = 0.0


def _draw_from_one(values: Reals, places: int, exploration: Exploration, random: np.random.Generator) -> Iterator[Draw]:
    """Draw where there is but one world, as most decisions do: as above, in half the steps."""
    weights, taken = _weights(values[None], exploration)[0], list[int]()
    for count in range(len(values), max(len(values) - places, 0), -1):
        total = float(weights.sum())
        if total < TINY:  # what was far better is gone: weigh what is left among itself
            left = np.delete(np.arange(len(values)), taken)
            weights[left] = _weights(values[None, left], exploration)[0]
            total = float(weights.sum())
        mixed = weights * ((1 - exploration.floor) / total) + exploration.floor / count
        mixed[taken] = 0.0
        place = int(mixed.cumsum().searchsorted(random.random(), side="right"))
        if place >= len(mixed):  # the sum was rounded to just below 1
            place = max(set(range(len(mixed))).difference(taken))
        yield Draw(place, min(float(mixed[place]), 1.0))
        taken.append(place)
        weights[place] = 0.0


def _weights(worlds: Reals, exploration: Exploration) -> Reals:
    """Return values^(1 / temperature), scaled so that the largest of each world is 1; shape (worlds, candidates)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(worlds) / exploration.temperature
        weights: Reals = np.exp(logs - logs.max(axis=1, keepdims=True))
    worthless = ~np.isfinite(weights[:, :1]).all(axis=1)  # -inf minus -inf: nothing in that world is worth anything
    weights[worthless] = 1.0
    return weights


def _chances(weights: Reals, exploration: Exploration) -> Reals:
    """Return the weights of each world as probabilities, with their uniform share; shape (worlds, candidates)."""
    share = (1 - exploration.floor) / weights.sum(axis=1, keepdims=True)
    chances: Reals = share * weights + exploration.floor / weights.shape[1]
    return chances
