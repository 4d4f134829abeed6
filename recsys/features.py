"""The features of ranking, encoded by the same code for training and for serving.

Every feature is an id below a fixed vocabulary size. Words become ids by a stable hash here, outside the model's graph,
so that a model file needs no vocabulary beside it and an id nobody has seen before still has a place.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from operator import itemgetter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.guard import ForbiddenFeature, is_forbidden, refuse_forbidden
from recsys.hashing import catalogue_identifier, identifier

__all__ = [
    "DEFAULT_SPEC",
    "HISTORY_LENGTH",
    "Behaviour",
    "Candidates",
    "Context",
    "Feature",
    "FeatureSpec",
    "Feeds",
    "ForbiddenFeature",
    "Item",
    "Viewer",
    "encode",
    "encode_items",
    "is_forbidden",
    "refuse_forbidden",
]

Ids: TypeAlias = NDArray[np.int32]
Feeds: TypeAlias = dict[str, Ids]
"""Feature name to ids: shape (rows, 1) for a single value, (rows, length) for a history."""

HISTORY_LENGTH = 50
POSITION_BUCKETS = 10
PARTY_BUCKETS = 10
ENCODING = 1
"""Raised whenever the same words would become other ids."""

CONTEXT_WORDS = ("screen", "venue", "venue_category", "scene")
CONTEXT_NUMBERS = ("hour", "weekday", "position", "party")
ITEM_WORDS = ("creative", "category", "advertiser")
HISTORIES = {"history_creative": "creative", "history_category": "category"}


@dataclass(frozen=True, slots=True)
class Context:
    """Where and when a decision is made.

    Attributes:
        hour: local hour of the venue, 0-23.
        weekday: local day of the week, Monday is 0.
        party: people in front of the screen, 0 or more.
    """

    screen: str
    venue: str
    venue_category: str
    scene: str
    hour: int
    weekday: int
    party: int


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing a viewer engaged with."""

    creative: str
    category: str


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whoever stands at the screen.

    Attributes:
        key: a pseudonym, None for somebody anonymous.
        history: what they engaged with, newest first; only the newest fifty are looked at.
    """

    key: str | None = None
    history: tuple[Behaviour, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One creative that could be shown; content has no advertiser."""

    creative: str
    category: str
    advertiser: str | None = None


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


@dataclass(frozen=True, slots=True)
class Candidates:
    """Creatives encoded once per version of the catalogue.

    Attributes:
        keys: the creatives' keys, length N.
        ids: int32, shape (3, N): ids of creative, category and advertiser.
    """

    keys: tuple[str, ...]
    ids: Ids

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, indices: NDArray[np.integer] | Sequence[int]) -> Candidates:
        """Select some candidates by their positions, in the order given."""
        chosen = np.asarray(indices, dtype=np.intp)
        if chosen.size < 2:
            return Candidates(tuple(self.keys[index] for index in chosen), self.ids[:, chosen])
        return Candidates(itemgetter(*chosen.tolist())(self.keys), self.ids[:, chosen])


def encode_items(items: Sequence[Item], spec: FeatureSpec = DEFAULT_SPEC) -> Candidates:
    """Encode creatives, once per version of the catalogue."""
    sizes = spec.sizes
    ids = np.empty((len(ITEM_WORDS), len(items)), dtype=np.int32)
    for place, field in enumerate(ITEM_WORDS):
        ids[place] = [catalogue_identifier(field, getattr(item, field), sizes[field]) for item in items]
    return Candidates(tuple(item.creative for item in items), ids)


def encode(
    context: Context,
    viewers: Sequence[Viewer],
    candidates: Candidates,
    position: int = 0,
    spec: FeatureSpec = DEFAULT_SPEC,
) -> Feeds:
    """Encode every pair of a viewer and a candidate as one row, viewer by viewer.

    Args:
        position: place in the slate, 0 is first.

    Returns:
        For each feature int32 ids, shape (viewers x candidates, length of the feature).
    """
    count, people = len(candidates), len(viewers)
    block = np.empty((len(spec.singles), people, count), dtype=np.int32)
    histories = np.zeros((len(spec.histories), people, 1, spec.history_length), dtype=np.int32)
    block[_places(spec, ITEM_WORDS)] = candidates.ids[:, None, :]
    for place, value in zip(
        _places(spec, CONTEXT_WORDS + CONTEXT_NUMBERS), _context(context, position, spec), strict=True
    ):
        block[place] = value
    viewer_place, length_place = _places(spec, ("viewer", "history_length"))
    for row, viewer in enumerate(viewers):
        newest = viewer.history[: spec.history_length]
        block[viewer_place, row] = identifier("viewer", viewer.key, spec.sizes["viewer"])
        block[length_place, row] = len(newest)
        for place, name in enumerate(spec.histories):
            histories[place, row, 0, : len(newest)] = _behaviours(newest, HISTORIES[name], spec.sizes[name])
    tiled = np.broadcast_to(histories, (len(spec.histories), people, count, spec.history_length))
    feeds = {name: ids.reshape(people * count, 1) for name, ids in zip(spec.singles, block, strict=True)}
    feeds |= {
        name: ids.reshape(people * count, spec.history_length) for name, ids in zip(spec.histories, tiled, strict=True)
    }
    return feeds


def clip_number(name: str, value: int, size: int) -> int:
    """Bring a number of the context into its buckets: hours and weekdays wrap around, counts stop at the last."""
    return value % size if name in ("hour", "weekday") else min(max(value, 0), size - 1)


def _context(context: Context, position: int, spec: FeatureSpec) -> list[int]:
    sizes = spec.sizes
    words = [catalogue_identifier(field, getattr(context, field), sizes[field]) for field in CONTEXT_WORDS]
    numbers = (context.hour, context.weekday, position, context.party)
    return words + [clip_number(name, value, sizes[name]) for name, value in zip(CONTEXT_NUMBERS, numbers, strict=True)]


def _behaviours(history: tuple[Behaviour, ...], field: str, size: int) -> list[int]:
    return [catalogue_identifier(field, getattr(behaviour, field), size) for behaviour in history]


def _places(spec: FeatureSpec, names: tuple[str, ...]) -> list[int]:
    return [spec.singles.index(name) for name in names]
