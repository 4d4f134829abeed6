"""A log made up to be learnt from: many ids, few of them often, and a taste that shows."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.columns import Words
from recsys.features import Feature, FeatureSpec, Feeds
from recsys.training.examples import Examples, Split

SKEW = 3.0
"""Ids are drawn as the size of the vocabulary times a uniform number to this power: the first thousandth is a tenth."""
PLACES = 50
FEW: Final = {"advertiser": 503, "screen": 1_009, "venue": 503}
LARGE: Final = ("viewer", "creative", *FEW)
"""What may have many ids, in the order in which it comes to have them."""


def specification(vocabulary: int, *, histories: bool, large: int = 2) -> FeatureSpec:
    """Describe eight features, so many of them with so many ids, and if asked for histories of fifty.

    Args:
        vocabulary: ids of the creative, the viewer and further features of many ids.
        large: features of many ids, 2 to 5.
    """
    many = dict.fromkeys(LARGE[:large], vocabulary)
    features = [
        Feature(name, many.get(name, size))
        for name, size in {"viewer": 0, "creative": 0, "category": 211, **FEW, "hour": 24, "weekday": 7}.items()
    ]
    if histories:
        features.append(Feature("history_creative", vocabulary, PLACES, table="creative"))
        features.append(Feature("history_category", 211, PLACES, table="category"))
    return FeatureSpec(tuple(features))


def planted(spec: FeatureSpec, rows: tuple[int, int, int], seed: int) -> Split:
    """Draw train, validation and test rows whose labels follow a taste.

    The log-odds add up what a creative is liked by all, whether its category suits the hour, and, with histories,
    whether it is the viewer's: a category that most of the history is of.
    """
    random = np.random.default_rng(seed)
    liked = random.normal(0.0, 1.0, spec.sizes["creative"]).astype(np.float32)
    first, second, third = (_part(spec, count, liked, random) for count in rows)
    return Split(first, second, third)


def _part(spec: FeatureSpec, rows: int, liked: NDArray[np.float32], random: np.random.Generator) -> Examples:
    feeds: Feeds = {feature.name: _draw(feature, rows, random) for feature in spec.features}
    category = feeds["category"][:, 0]
    odds = liked[feeds["creative"][:, 0]] + np.where(category % 6 == feeds["hour"][:, 0] % 6, 1.5, -0.5) - 1.0
    if spec.histories:
        own = np.where(random.random(rows) < 0.5, category, random.integers(1, spec.sizes["category"], rows))
        keeps = random.random((rows, PLACES)) < 0.7
        feeds["history_category"] = np.where(keeps, own[:, None], feeds["history_category"]).astype(np.int32)
        odds += np.where(own == category, 1.5, -1.0)
    labels = (random.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.float32)
    nothing = Words(("",), np.zeros(rows, dtype=np.int32))
    return Examples(feeds, labels, np.arange(rows, dtype=np.int64), nothing, nothing, nothing, nothing)


def _draw(feature: Feature, rows: int, random: np.random.Generator) -> NDArray[np.int32]:
    """Draw ids from 1 on; 0 is nobody and nothing."""
    return (1 + (feature.size - 1) * random.random((rows, feature.length)) ** SKEW).astype(np.int32)
