"""The population stability index: how far one distribution over words has moved from another."""

from collections.abc import Mapping
from math import log, sqrt
from statistics import NormalDist

MODERATE, MAJOR = 0.1, 0.25
"""The customary bounds: below the first nothing has changed, above the second much has (Siddiqi, "Credit Risk
Scorecards", 2006, chapter 8)."""
SMOOTHING = 0.5
"""Added to each count, so that a word of one side only does not make the index infinite."""
LEVEL = 0.99

Counts = Mapping[str, float]


def stability(reference: Counts, live: Counts) -> float:
    """Return the index: the sum over words of (p - q) ln(p / q), 0 for equal shares, symmetric; 0 without any count."""
    words = {word for counts in (reference, live) for word in counts}
    sizes = [sum(counts.values()) + SMOOTHING * len(words) for counts in (reference, live)]
    if not words or not sum(reference.values()) or not sum(live.values()):
        return 0.0
    shares = (
        tuple((counts.get(word, 0) + SMOOTHING) / size for counts, size in zip((reference, live), sizes, strict=True))
        for word in words
    )
    return sum((p - q) * log(p / q) for p, q in shares)


def chance(reference: Counts, live: Counts) -> float:
    """Return what the index of two samples of one distribution stays below 99 times in 100.

    The index times nm / (n + m) is about chi-squared with one degree of freedom less than there are words (Yurdakul and
    Naranjo, Journal of Risk Model Validation 14(4), 2020); its quantile after Wilson and Hilferty, PNAS 17, 1931.
    """
    words = {word for counts in (reference, live) for word in counts}
    sizes = [sum(counts.values()) for counts in (reference, live)]
    freedom = len(words) - 1
    if freedom < 1 or not all(sizes):
        return 0.0
    part = 2 / (9 * freedom)
    quantile = freedom * (1 - part + NormalDist().inv_cdf(LEVEL) * sqrt(part)) ** 3
    return quantile * (1 / sizes[0] + 1 / sizes[1])
