"""The features of ranking, encoded by the same code for training and for serving.

Every feature is an id below a fixed vocabulary size. Words become ids by a stable hash here, outside the model's graph,
so that a model file needs no vocabulary beside it and an id nobody has seen before still has a place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.guard import ForbiddenFeature, is_forbidden, refuse_forbidden
from recsys.hashing import catalogue_identifiers, identifier
from recsys.specification import (
    CONTEXT_NUMBERS,
    CONTEXT_WORDS,
    DEFAULT_SPEC,
    HISTORIES,
    HISTORY_LENGTH,
    ITEM_WORDS,
    PICTURE,
    Feature,
    FeatureSpec,
    specify,
)

if TYPE_CHECKING:
    from recsys.pictures.looks import Looks

__all__ = [
    "CONTEXT_NUMBERS",
    "CONTEXT_WORDS",
    "DEFAULT_SPEC",
    "HISTORIES",
    "HISTORY_LENGTH",
    "ITEM_WORDS",
    "PICTURE",
    "Behaviour",
    "Candidates",
    "Context",
    "Feature",
    "FeatureSpec",
    "Feeds",
    "ForbiddenFeature",
    "Ids",
    "Item",
    "Viewer",
    "clip_number",
    "encode",
    "encode_items",
    "encode_viewers",
    "is_forbidden",
    "refuse_forbidden",
    "specify",
]

Ids: TypeAlias = NDArray[np.int32]
Feeds: TypeAlias = dict[str, NDArray[Any]]
"""Feature name to ids: of viewers (viewers, length of the feature); of creatives (1, candidates) in a decision.

In the rows of a log everything has shape (rows, length of the feature): a viewer and a candidate each. Where creatives
have pictures these are a feed as well, `creative_picture`, float32 (1, candidates, width) or (rows, 1, width).
"""

MOST_MOMENTS = 4_096
"""Contexts remembered: a screen sees each of its scenes, hours and sizes of a party again and again."""


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


class Behaviour(NamedTuple):
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
class Candidates:
    """Creatives encoded once per version of the catalogue.

    Attributes:
        keys: the creatives' keys, length N.
        ids: int32, shape (3, N): ids of creative, category and advertiser.
        pictures: float32, shape (N, width): what the creatives look like, see `recsys.pictures`; None where nobody
            looked.
        vision: what looked at them; a model that learnt from another one takes them for creatives without a picture.
    """

    keys: tuple[str, ...]
    ids: Ids
    pictures: NDArray[np.float32] | None = None
    vision: str = ""

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, indices: NDArray[np.integer] | Sequence[int]) -> Candidates:
        """Select some candidates by their positions, in the order given."""
        chosen = np.asarray(indices, dtype=np.intp)
        places = chosen.tolist()
        return Candidates(
            itemgetter(*places)(self.keys) if len(places) > 1 else tuple(self.keys[place] for place in places),
            self.ids.take(chosen, axis=1),
            None if self.pictures is None else self.pictures.take(chosen, axis=0),
            self.vision,
        )


def encode_items(items: Sequence[Item], spec: FeatureSpec = DEFAULT_SPEC, looks: Looks | None = None) -> Candidates:
    """Encode creatives, once per version of the catalogue.

    Args:
        looks: what they look like; None, or of none of them, where nobody looked.
    """
    ids = np.empty((len(ITEM_WORDS), len(items)), dtype=np.int32)
    for place, field in enumerate(ITEM_WORDS):
        ids[place] = _ids(field, items, spec.sizes[field])
    keys = tuple(item.creative for item in items)
    if looks is None or not looks.knows(keys):
        return Candidates(keys, ids)
    return Candidates(keys, ids, looks.of(keys), looks.vision)


def encode(
    context: Context,
    viewers: Sequence[Viewer],
    candidates: Candidates,
    position: int = 0,
    spec: FeatureSpec = DEFAULT_SPEC,
) -> Feeds:
    """Encode a decision: its viewers once each, its candidates once each, and nothing for every pair of them.

    Args:
        position: place in the slate, 0 is first.

    Returns:
        int32 ids: for each feature of a viewer or a moment (viewers, length of the feature), for each feature of a
        creative (1, candidates). Pictures of the candidates beside them, if they have some.
    """
    singles = np.empty((len(spec.viewer_singles), len(viewers), 1), dtype=np.int32)
    histories = np.empty((len(spec.histories), len(viewers), spec.history_length), dtype=np.int32)
    encode_viewers(context, viewers, position, spec, singles, histories)
    feeds: Feeds = dict(zip(spec.viewer_singles, singles, strict=True))
    feeds |= zip(spec.histories, histories, strict=True)
    feeds |= zip(ITEM_WORDS, candidates.ids[:, None, :], strict=True)
    if candidates.pictures is not None:
        feeds[PICTURE] = candidates.pictures[None]
    return feeds


def encode_viewers(
    context: Context, viewers: Sequence[Viewer], position: int, spec: FeatureSpec, singles: Ids, histories: Ids
) -> None:
    """Encode the viewers' side of a decision in place.

    Args:
        singles: written to, shape (features with one id, viewers, 1), in the order of ``spec.viewer_singles``.
        histories: written to, shape (histories, viewers, places).
    """
    singles[:] = _moment(context, position, spec)
    histories.fill(0)
    key_place, length_place = spec.viewer_places
    for row, viewer in enumerate(viewers):
        newest = viewer.history[: spec.history_length]
        singles[key_place, row, 0] = identifier("viewer", viewer.key, spec.sizes["viewer"])
        singles[length_place, row, 0] = len(newest)
        if newest:
            for place, name in enumerate(spec.histories):
                histories[place, row, : len(newest)] = _ids(HISTORIES[name], newest, spec.sizes[name])


def clip_number(name: str, value: int, size: int) -> int:
    """Bring a number of the context into its buckets: hours and weekdays wrap around, counts stop at the last."""
    return value % size if name in ("hour", "weekday") else min(max(value, 0), size - 1)


def _moment(context: Context, position: int, spec: FeatureSpec) -> Ids:
    """Encode what all viewers share, in the order of ``spec.viewer_singles``; shape (features, 1, 1)."""
    known = spec.moments.get((context, position))
    if known is None:
        if len(spec.moments) >= MOST_MOMENTS:
            spec.moments.clear()
        known = spec.moments[context, position] = _encode_moment(context, position, spec)
    return known


def _encode_moment(context: Context, position: int, spec: FeatureSpec) -> Ids:
    sizes = spec.sizes
    ids = {name: identifier(name, getattr(context, name), sizes[name]) for name in CONTEXT_WORDS}
    numbers = zip(CONTEXT_NUMBERS, (context.hour, context.weekday, position, context.party), strict=True)
    ids |= {name: clip_number(name, value, sizes[name]) for name, value in numbers}
    return np.array([ids.get(name, 0) for name in spec.viewer_singles], dtype=np.int32)[:, None, None]


def _ids(field: str, things: Iterable[Item | Behaviour], size: int) -> list[int]:
    return list(map(catalogue_identifiers(field, size).__getitem__, map(attrgetter(field), things)))
