"""Which features a model has, and how many ids and places each of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from recsys.guard import refuse_forbidden

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from recsys.features import Context

HISTORY_LENGTH = 50
POSITION_BUCKETS = 10
PARTY_BUCKETS = 10
ENCODING = 1
"""Raised whenever the same words would become other ids."""

CONTEXT_WORDS = ("screen", "venue", "venue_category", "scene")
CONTEXT_NUMBERS = ("hour", "weekday", "position", "party")
ITEM_WORDS = ("creative", "category", "advertiser")
PICTURE = "creative_picture"
"""What a network calls the pictures of candidates, if it looks at them: float32, (groups, candidates, width).

Zeros where a creative has none; see `recsys.pictures.looks`.
"""
HISTORIES = {"history_creative": "creative", "history_category": "category"}


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of a model.

    Attributes:
        size: ids run from 0 to size - 1.
        length: how many ids one example holds; histories are padded behind with 0.
        table: the feature whose embedding table this one shares, itself unless it is a history.
    """

    name: str
    size: int
    length: int = 1
    table: str = ""


@dataclass(frozen=True)
class FeatureSpec:
    """The inputs of a model, in order.

    Raises:
        ForbiddenFeature: one of the features is derived from a face.
        ValueError: a name occurs twice, or a vocabulary holds fewer than two ids.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        refuse_forbidden(self.names)
        if len(set(self.names)) != len(self.features):
            raise ValueError(f"feature names must differ from each other: {self.names}")
        for feature in self.features:
            if feature.size < 2 or feature.length < 1:
                raise ValueError(f"feature {feature.name!r} needs at least two ids and one place per example")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all features, in the order of the model's inputs."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def singles(self) -> tuple[str, ...]:
        """Names of the features that hold one id per example."""
        return tuple(feature.name for feature in self.features if feature.length == 1)

    @cached_property
    def viewer_singles(self) -> tuple[str, ...]:
        """Names of the features of a viewer and a moment that hold one id."""
        return tuple(name for name in self.singles if name not in ITEM_WORDS)

    @cached_property
    def viewer_places(self) -> tuple[int, int]:
        """Places of the viewer's key and of the history's length among ``viewer_singles``."""
        return self.viewer_singles.index("viewer"), self.viewer_singles.index("history_length")

    @cached_property
    def moments(self) -> dict[tuple[Context, int], NDArray[np.int32]]:
        """What this process remembers of contexts and positions: their ids, see `encode`."""
        return {}

    @cached_property
    def histories(self) -> tuple[str, ...]:
        """Names of the features that hold a history per example."""
        return tuple(feature.name for feature in self.features if feature.length > 1)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Vocabulary size of each feature."""
        return {feature.name: feature.size for feature in self.features}

    @cached_property
    def history_length(self) -> int:
        """How many behaviours of a viewer are looked at."""
        return max(feature.length for feature in self.features)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything that decides which id a word becomes, as 64 hexadecimal digits."""
        features = [[feature.name, feature.size, feature.length, feature.table] for feature in self.features]
        return sha256(json.dumps({"encoding": ENCODING, "features": features}).encode()).hexdigest()


def specify(
    *,
    viewers: int = 20_011,
    creatives: int = 20_011,
    categories: int = 211,
    advertisers: int = 503,
    screens: int = 1_009,
    venues: int = 503,
    history: int = HISTORY_LENGTH,
) -> FeatureSpec:
    """Describe the features of ranking for vocabularies of the given sizes.

    Sizes are primes, which spares a modulo from patterns in the hash; more than one word may share an id.
    """
    return FeatureSpec(
        (
            Feature("viewer", viewers),
            Feature("creative", creatives),
            Feature("category", categories),
            Feature("advertiser", advertisers),
            Feature("screen", screens),
            Feature("venue", venues),
            Feature("venue_category", 101),
            Feature("scene", 211),
            Feature("hour", 24),
            Feature("weekday", 7),
            Feature("position", POSITION_BUCKETS),
            Feature("party", PARTY_BUCKETS),
            Feature("history_length", history + 1),
            Feature("history_creative", creatives, history, table="creative"),
            Feature("history_category", categories, history, table="category"),
        )
    )


DEFAULT_SPEC = specify()
