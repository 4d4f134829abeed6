"""Whom a probe resembles, in every space that an operator searches, by the threshold of the operator or the venue."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from faceid.gallery import Gallery
from faceid.match import Match, SearchEngine, identify
from identities import index, thresholds
from identities.faces import Space

Probe: TypeAlias = NDArray[np.float32] | None
"""One protected embedding; None for a face that is too poor to compare."""

_RIVALS = 5
"""Subjects that one look can speak for."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when somebody stands before a screen, and how new the memory of this process has to be.

    Attributes:
        engines: what searches each space, by the id of its contract; asked for once per look.
    """

    operator_id: UUID
    venue_id: UUID
    at: datetime
    versions: Mapping[str, int]
    engines: dict[str, SearchEngine] = field(default_factory=dict, init=False, repr=False, compare=False)

    def engine(self, space: Space) -> SearchEngine:
        """Return what searches a space."""
        if space.id not in self.engines:
            self.engines[space.id] = index.engine(self.operator_id, self.versions, space.id)
        return self.engines[space.id]


def nearest(place: Place, space: Space, probes: Sequence[Probe]) -> dict[int, Match]:
    """Name whoever each probe shows in one space, by the number of the probe; who shows nobody is left out."""
    usable, vectors = _usable(probes)
    if not usable:
        return {}
    rule = rule_of(place, space)
    winners = identify(
        place.engine(space),
        vectors,
        at=place.at,
        venue=str(place.venue_id),
        threshold=rule.threshold,
        margin=rule.margin,
    )
    return {number: winner for number, winner in zip(usable, winners, strict=True) if winner is not None}


def rivals(place: Place, space: Space, probes: Sequence[Probe], *, threshold: float) -> list[tuple[Match, ...]]:
    """Return everybody whom each probe resembles a little, best first; nobody for a probe that is None."""
    found: list[tuple[Match, ...]] = [()] * len(probes)
    usable, vectors = _usable(probes)
    if usable:
        engine = place.engine(space)
        near = engine.nearest(vectors, k=_RIVALS, threshold=threshold, at=place.at, venue=str(place.venue_id))
        for number, matches in zip(usable, near, strict=True):
            found[number] = tuple(matches)
    return found


def runner_up(place: Place, space: Space, probe: NDArray[np.float32], subject: str) -> float:
    """Return the cosine of whoever resembles a probe most, but for one subject."""
    engine = place.engine(space)
    [near] = engine.nearest(probe[None, :], k=2, threshold=-1.0, at=place.at, venue=str(place.venue_id))
    return max((match.score for match in near if match.subject != subject), default=-1.0)


def size(place: Place, space: Space) -> int:
    """Return how many templates are searched in a space; of a gallery beyond memory, how many it has at least."""
    engine = place.engine(space)
    return len(engine) if isinstance(engine, Gallery) else settings.GALLERY_IN_MEMORY


def rule_of(place: Place, space: Space) -> thresholds.Rule:
    """Return by which rule this operator names somebody of a space at this venue."""
    return thresholds.rule(place.operator_id, space.pipeline, place.versions, venue_id=place.venue_id)


def agreed(matches: Iterable[Mapping[int, Match]], number: int) -> Match | None:
    """Return whom the spaces see in one face; nobody when they contradict each other."""
    named = [found[number] for found in matches if number in found]
    if len({match.subject for match in named}) != 1:
        return None
    return max(named, key=lambda match: match.score)


def merged(
    found: Sequence[tuple[Match, ...]], others: Sequence[tuple[Match, ...]], shift: float
) -> list[tuple[Match, ...]]:
    """Join what two spaces say of the same faces: each subject once, by their better score.

    Args:
        shift: what is added to the scores of ``others``, whose threshold is another one.
    """
    joined = []
    for first, second in zip(found, others, strict=True):
        best: dict[str, Match] = {}
        for match in (*first, *(replace(match, score=match.score + shift) for match in second)):
            if match.subject not in best or match.score > best[match.subject].score:
                best[match.subject] = match
        joined.append(tuple(sorted(best.values(), key=lambda match: -match.score)))
    return joined


def each_once(matches: Mapping[int, Match]) -> dict[int, UUID]:
    """Let a subject match one face of a frame only, the nearest; the other may be their photograph on a wall."""
    best: dict[str, int] = {}
    for number, match in matches.items():
        if match.subject not in best or match.score > matches[best[match.subject]].score:
            best[match.subject] = number
    return {number: UUID(subject) for subject, number in best.items()}


def _usable(probes: Sequence[Probe]) -> tuple[list[int], NDArray[np.float32]]:
    usable = [(number, probe) for number, probe in enumerate(probes) if probe is not None]
    if not usable:
        return [], np.empty((0, 0), dtype=np.float32)
    return [number for number, _ in usable], np.stack([probe for _, probe in usable])
