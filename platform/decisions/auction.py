"""What showing a creative is worth, and who goes first."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.exploration.luce import Draw, Exploration, draw, probabilities


@dataclass(frozen=True, slots=True)
class Bids:
    """The candidates of one decision, all arrays of shape (candidates,) unless said otherwise.

    Attributes:
        scores: estimated probability that somebody engages, in [0, 1]; of shape (worlds, candidates) where it is
            uncertain and each of several worlds is as likely.
        prices: micros a play costs the campaign; 0 for content.
        priorities: higher tiers are served before lower ones.
    """

    scores: NDArray[np.float64]
    prices: NDArray[np.int64]
    priorities: NDArray[np.int64]


def values(bids: Bids) -> NDArray[np.float64]:
    """Return what showing each candidate is worth: the chance of engagement times what engagement is worth here.

    For a campaign that is its price. Content pays nothing and is worth what a typical campaign among the candidates
    pays (the median price), so that it competes by attention alone and in any currency. Shaped as the scores.
    """
    paid = bids.prices > 0
    each = np.where(paid, bids.prices, _median(bids.prices[paid])).astype(bids.scores.dtype)
    worth: NDArray[np.float64] = each * bids.scores
    return worth


def fill(bids: Bids, places: int, exploration: Exploration, random: np.random.Generator) -> list[Draw]:
    """Fill the slate tier by tier, from the highest priority down, by chance within a tier.

    A candidate of a lower tier has a chance only once every candidate of the higher ones has its place.
    """
    worth = values(bids)
    tiers = sorted(set(bids.priorities.tolist()), reverse=True)
    if len(tiers) <= 1:
        return list(draw(worth, places, exploration, random))
    slate: list[Draw] = []
    for tier in tiers:
        members = np.flatnonzero(bids.priorities == tier)
        drawn = draw(worth[..., members], places - len(slate), exploration, random)
        slate += [Draw(int(members[one.index]), one.propensity) for one in drawn]
        if len(slate) >= places:
            break
    return slate


def first_place(bids: Bids, exploration: Exploration) -> NDArray[np.float64]:
    """Return the probability of each candidate for the first place, shape (candidates,): what `fill` draws it by."""
    chances = np.zeros(len(bids.prices))
    members = np.flatnonzero(bids.priorities == bids.priorities.max())
    chances[members] = probabilities(values(bids)[..., members], exploration)
    return chances


def _median(prices: NDArray[np.int64]) -> float:
    """Return the median, 1 of nothing; what numpy's own computes, without its care for axes and missing numbers."""
    if not prices.size:
        return 1.0
    ordered = np.sort(prices)
    return float(ordered[(prices.size - 1) // 2] + ordered[prices.size // 2]) / 2
