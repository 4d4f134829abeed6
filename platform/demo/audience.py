"""A simulated audience: people with hidden tastes who engage with what they like.

A fake at the edge of the building: it replaces the people in front of the screens, nothing else. Each person belongs
to a taste group that likes some categories and has personal deviations; the platform sees neither.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BASE_LOGIT = -2.2
LIKED, DISLIKED = 2.4, -1.0
GROUP_LIKES = 4
DEVIATION = 0.6


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a logit of engagement per category."""

    number: int
    taste: dict[str, float]

    def probability(self, category: str) -> float:
        """Return how probably this person engages with a creative of a category."""
        return 1 / (1 + math.exp(-(BASE_LOGIT + self.taste.get(category, 0.0))))


class Audience:
    """A seeded population and the order in which it visits.

    The coin of a visit depends on the seed, the visit and the creative's category alone, not on what the platform
    does: two policies that meet the same visits meet the same moods (common random numbers).
    """

    def __init__(self, *, people: int, categories: Sequence[str], groups: int = 6, seed: int = 7) -> None:
        generator = np.random.default_rng(seed)
        self._seed = seed
        likes = [generator.permutation(len(categories))[:GROUP_LIKES] for _ in range(groups)]
        self.people = []
        for number in range(people):
            logits = generator.normal(DISLIKED, DEVIATION, len(categories))
            logits[likes[number % groups]] += LIKED - DISLIKED
            self.people.append(Person(number, dict(zip(categories, logits.tolist(), strict=True))))

    def visitor(self, phase: int, visit: int) -> Person:
        """Return who comes by at one visit."""
        return self.people[int(np.random.default_rng([self._seed, phase, visit]).integers(len(self.people)))]

    def engages(self, person: Person, category: str, *, phase: int, visit: int) -> bool:
        """Return whether the person engages with a creative of ``category`` at this visit."""
        coin = np.random.default_rng([self._seed, phase, visit, *category.encode()]).random()
        return bool(coin < person.probability(category))
