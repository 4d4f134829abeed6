"""What showing a creative is worth, and who goes first."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.exploration.luce import Draw, Exploration, draw, probabilities


@dataclass(frozen=True, eq=False)
class Stakes:
    """What candidates pay and who goes first, arrays of shape (candidates,); the same for all decisions among them.

    Attributes:
        prices: micros a play costs the campaign; 0 for content.
        priorities: higher tiers are served before lower ones.
    """

    prices: NDArray[np.int64]
    priorities: NDArray[np.int64]

    @cached_property
    def each(self) -> NDArray[np.float64]:
        """Return what engagement is worth: the price, and for content what a typical campaign among them pays."""
        paid = self.prices > 0
        return np.where(paid, self.prices, _median(self.prices[paid])).astype(np.float64)

    @cached_property
    def tiers(self) -> tuple[NDArray[np.intp], ...]:
        """Return the candidates of each tier, highest first."""
        return tuple(
            np.flatnonzero(self.priorities == tier) for tier in sorted(set(self.priorities.tolist()), reverse=True)
        )


@dataclass(frozen=True, slots=True)
class Bids:
    """The candidates of one decision.

    Attributes:
        scores: estimated probability that somebody engages, in [0, 1]; of shape (worlds, candidates) where it is
            uncertain and each of several worlds is as likely.
        stakes: what they pay and who goes first.
    """

    scores: NDArray[np.float64]
    stakes: Stakes


def values(bids: Bids) -> NDArray[np.float64]:
    """Return what showing each candidate is worth: the chance of engagement times what engagement is worth here.

    For a campaign that is its price. Content pays nothing and is worth what a typical campaign among the candidates
    pays (the median price), so that it competes by attention alone and in any currency. Shaped as the scores.
    """
    worth: NDArray[np.float64] = bids.stakes.each.astype(bids.scores.dtype, copy=False) * bids.scores
    return worth


def fill(bids: Bids, places: int, exploration: Exploration, random: np.random.Generator) -> list[Draw]:
    """Fill the slate tier by tier, from the highest priority down, by chance within a tier.

    A candidate of a lower tier has a chance only once every candidate of the higher ones has its place.
    """
    worth = values(bids)
    if len(bids.stakes.tiers) <= 1:
        return list(draw(worth, places, exploration, random))
    slate: list[Draw] = []
    for members in bids.stakes.tiers:
        drawn = draw(worth[..., members], places - len(slate), exploration, random)
        slate += [Draw(int(members[one.index]), one.propensity) for one in drawn]
        if len(slate) >= places:
            break
    return slate


def first_place(bids: Bids, exploration: Exploration) -> NDArray[np.float64]:
    """Return the probability of each candidate for the first place, shape (candidates,): what `fill` draws it by."""
    members = bids.stakes.tiers[0]
    chances = np.zeros(len(bids.stakes.prices))
    chances[members] = probabilities(values(bids)[..., members], exploration)
    return chances


def _median(prices: NDArray[np.int64]) -> float:
    """Return the median, 1 of nothing; what numpy's own computes, without its care for axes and missing numbers."""
    if not prices.size:
        return 1.0
    ordered = np.sort(prices)
    return float(ordered[(prices.size - 1) // 2] + ordered[prices.size // 2]) / 2
