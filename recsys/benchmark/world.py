"""A simulated audience whose tastes are known to us and to no policy, so that a policy's real value can be told.

People come by, are shown a slate, look at one place after the other with less and less patience, and tire of seeing the
same category again. So the best slate is not the best creatives one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Places = NDArray[np.int64]

BASE, LIKED, DISLIKED, DEVIATION = -2.2, 2.4, -1.0, 0.6
"""Log-odds of engagement: of anything, with what a group likes and does not, and how much people differ in a group."""
GROUPS, LIKES = 6, 4
QUALITY = 0.5
PAST = 12
"""Things a person engaged with before; all a policy knows of them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a world is, and how much a slate is more than its places.

    Attributes:
        creatives, categories, people, places: how many.
        fresh: creatives among them that no log has shown yet.
        patience: chance of looking at a place given that one looked at the one before.
        weariness: log-odds lost for each earlier place of the same category.
    """

    creatives: int = 30
    categories: int = 10
    people: int = 400
    places: int = 3
    fresh: int = 6
    patience: float = 0.85
    weariness: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.places <= self.creatives - self.fresh or self.fresh < 0:
            raise ValueError(f"a slate needs at least one place and at most as many as known creatives, got {self}")
        if not 0 < self.patience <= 1 or self.weariness < 0 or self.people < GROUPS or self.categories < LIKES:
            raise ValueError(f"the world cannot be of this shape: {self}")


class World:
    """A seeded population before a seeded catalogue.

    Attributes:
        category: of each creative, int64, shape (creatives,).
        known: whether the log may have shown it, bool, shape (creatives,).
        history: what a policy knows of each person: shares of categories among what they engaged with, shape
            (people, categories).
    """

    def __init__(self, shape: Shape, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.shape = shape
        self.category: Places = np.arange(shape.creatives) % shape.categories
        self.known = np.ones(shape.creatives, dtype=np.bool_)
        self.known[random.permutation(shape.creatives)[: shape.fresh]] = False
        likes = [random.permutation(shape.categories)[:LIKES] for _ in range(GROUPS)]
        taste = random.normal(DISLIKED, DEVIATION, (shape.people, shape.categories))
        for person in range(shape.people):
            taste[person, likes[person % GROUPS]] += LIKED - DISLIKED
        quality = random.normal(0, QUALITY, shape.creatives)
        self._odds: Reals = BASE + taste[:, self.category] + quality
        engaging = 1 / (1 + np.exp(-(BASE + taste)))
        shares = engaging / engaging.sum(axis=1, keepdims=True)
        self.history: Reals = np.stack([random.multinomial(PAST, row) for row in shares]) / PAST

    def visitors(self, count: int, random: np.random.Generator) -> Places:
        """Draw who comes by, shape (count,)."""
        return random.integers(0, self.shape.people, count)

    def chances(self, people: Places, slates: Places) -> Reals:
        """Return the chance of engagement at each place.

        Args:
            people: shape (n,).
            slates: creatives, best place first, shape (n, places).

        Returns:
            Shape (n, places).
        """
        categories = self.category[slates]
        earlier = np.tril(np.ones((slates.shape[1], slates.shape[1]), dtype=np.bool_), -1)
        repeats = ((categories[:, :, None] == categories[:, None, :]) & earlier).sum(axis=2)
        odds = self._odds[people[:, None], slates] - self.shape.weariness * repeats
        looks = self.shape.patience ** np.arange(slates.shape[1])
        chances: Reals = looks / (1 + np.exp(-odds))
        return chances

    def engagements(self, people: Places, slates: Places, random: np.random.Generator) -> Reals:
        """Draw what people engage with: 0 or 1 for each place, shape (n, places)."""
        return (random.random(slates.shape) < self.chances(people, slates)).astype(np.float64)

    def best(self, people: Places) -> Reals:
        """Return the value of the best slate for each person, found place by place with tastes known, shape (n,)."""
        slates = np.empty((len(people), 0), dtype=np.int64)
        for _ in range(self.shape.places):
            options = np.stack(
                [self._with(people, slates, creative) for creative in range(self.shape.creatives)], axis=1
            )  # fmt: skip
            slates = np.concatenate([slates, options.argmax(axis=1)[:, None]], axis=1)
        worth: Reals = self.chances(people, slates).sum(axis=1)
        return worth

    def _with(self, people: Places, slates: Places, creative: int) -> Reals:
        """Return the chance at the next place if a creative took it; -1 where it is in the slate already."""
        longer = np.concatenate([slates, np.full((len(people), 1), creative)], axis=1)
        chance = self.chances(people, longer)[:, -1]
        return np.where((slates == creative).any(axis=1), -1.0, chance)


@dataclass(frozen=True, slots=True, eq=False)
class SlateLog:
    """Slates that were shown, and what came of them; n decisions of K places.

    Attributes:
        people: shape (n,).
        slates: creatives, shape (n, K).
        propensities: of each place given those before, shape (n, K).
        rewards: 0 or 1, shape (n, K).
    """

    people: Places
    slates: Places
    propensities: Reals
    rewards: Reals

    def __len__(self) -> int:
        return len(self.people)
