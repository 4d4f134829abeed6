"""Whether engagement dropped, asked again and again without being fooled by asking often."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log

FEWEST_PLAYS = 50
"""Plays of either side below which nothing is said."""
RELATIVE_EFFECT = 0.2
"""Size of the drop that the test is tuned for, as a share of the champion's engagement rate."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Plays, and how many of them were engaged with."""

    plays: int = 0
    engaged: int = 0

    @classmethod
    def of(cls, labels: Iterable[bool]) -> "Rate":
        """Count plays."""
        counted = list(labels)
        return cls(len(counted), sum(counted))

    @property
    def value(self) -> float:
        """Return the engagement rate, drawn towards one half by one play."""
        return (self.engaged + 0.5) / (self.plays + 1)

    @property
    def variance(self) -> float:
        """Return the variance of the rate."""
        return self.value * (1 - self.value) / max(self.plays, 1)


@dataclass(frozen=True, slots=True)
class Drop:
    """What is known about a drop.

    Attributes:
        difference: canary less champion, less what their screens differed by before.
        p: always-valid p-value of no difference; it may be looked at as often as one likes.
    """

    difference: float
    p: float

    def is_certain(self, level: float) -> bool:
        """Return whether engagement is lower, at an error level."""
        return self.difference < 0 and self.p <= level


def drop(canary: Rate, champion: Rate, before: tuple[Rate, Rate] | None = None) -> Drop | None:
    """Compare the engagement of a canary's screens with that of all others, at any time.

    Mixture sequential probability ratio test with a normal mixture: Johari, Koomen, Pekelis and Walsh, "Peeking at A/B
    tests", KDD 2017, eq. 6. Screens differ by themselves, so the difference before the canary, with its variance, is
    taken off when both sides had plays then. Plays of one screen are taken as independent of each other.

    Args:
        before: of the canary's screens and of the others, in the time before it began.

    Returns:
        None while either side has fewer than 50 plays.
    """
    if min(canary.plays, champion.plays) < FEWEST_PLAYS:
        return None
    difference = canary.value - champion.value
    variance = canary.variance + champion.variance
    if before is not None and min(rate.plays for rate in before) >= FEWEST_PLAYS:
        difference -= before[0].value - before[1].value
        variance += before[0].variance + before[1].variance
    mixing = (RELATIVE_EFFECT * champion.value) ** 2
    evidence = 0.5 * log(variance / (variance + mixing)) + mixing * difference**2 / (2 * variance * (variance + mixing))
    return Drop(difference, min(1.0, exp(-evidence)) if evidence < 700 else 0.0)
