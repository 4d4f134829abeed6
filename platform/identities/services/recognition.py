"""Recognise who consented to it; everybody else is counted and leaves nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

import faceid.image
import subjects.selectors
from core import epochs
from faceid.errors import NoFace
from faceid.match import Match, identify
from identities import faces, index
from identities.errors import LoyaltyTokenUnknown, face_problems
from identities.keys import protection
from identities.viewers import How, ViewerClaim, ViewerState, issue
from subjects.purposes import Purpose


@dataclass(frozen=True, slots=True)
class Frame:
    """A camera frame: a JPEG, PNG or WebP file."""

    data: bytes = field(repr=False)
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Probes:
    """Protected embeddings that a player made itself: unit vectors, float32, shape (faces, dimension)."""

    contract: str
    vectors: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoyaltyToken:
    """The token of somebody who wants to be served without a camera."""

    token: str = field(repr=False)


Shown: TypeAlias = Frame | Probes | LoyaltyToken


@dataclass(frozen=True, slots=True)
class RecognisedViewer:
    """One viewer, as the player may know them: a token and a state, never who it is."""

    token: str
    state: ViewerState
    expires_at: datetime
    how: How


def recognise(
    *,
    operator_id: UUID,
    screen_id: UUID,
    venue_id: UUID,
    shown: Shown,
    at: datetime,
    versions: Mapping[str, int] | None = None,
) -> list[RecognisedViewer]:
    """Tell who of the viewers at a screen consented to be recognised there.

    What is shown and what is computed from it lives in this call only. The number of queries does not depend on the
    number of faces or templates: the epochs unless passed, and the consents of those who matched, which are confirmed
    once more after matching.

    Args:
        shown: a frame, protected embeddings or a loyalty token.
        versions: the epochs this request has read.

    Returns:
        One viewer per face, largest first, or the one viewer of a loyalty token.

    Raises:
        FaceUnusable: no picture, or nobody in it; the code says which.
        ImageTypeUnsupported: a picture of another type.
        ContractDiffers: embeddings made under another contract.
        LoyaltyTokenUnknown: the token names nobody who consents to be served at this venue.
    """
    if isinstance(shown, LoyaltyToken):
        found, how = [_bearer(operator_id, venue_id, shown.token, at)], How.LOYALTY
    else:
        versions = epochs.versions(operator_id=operator_id) if versions is None else versions
        vectors, how = _probes(operator_id, shown)
        found = _matched(operator_id, venue_id, vectors, at, versions)
    expires_at = at + settings.VIEWER_TOKEN_LIFETIME
    return [
        RecognisedViewer(
            issue(ViewerClaim(operator_id, screen_id, subject_id, state, expires_at, how)), state, expires_at, how
        )
        for subject_id, state in found
    ]


Found: TypeAlias = tuple[UUID | None, ViewerState]


def _bearer(operator_id: UUID, venue_id: UUID, token: str, at: datetime) -> Found:
    subject_id = subjects.selectors.subject_of_loyalty(operator_id=operator_id, token=token)
    if subject_id is not None:
        live = subjects.selectors.live_purposes(
            operator_id=operator_id, subject_ids=[subject_id], venue_id=venue_id, at=at
        )  # fmt: skip
        if Purpose.PERSONALISE in live.get(subject_id, ()):
            return subject_id, ViewerState.RECOGNISED
    raise LoyaltyTokenUnknown("This token names nobody who wants to be served here. A newer one may have replaced it.")


def _probes(operator_id: UUID, shown: Frame | Probes) -> tuple[Sequence[NDArray[np.float32] | None], How]:
    """Return the protected embedding of each face, None for a face that is too poor to compare."""
    with face_problems():
        if isinstance(shown, Probes):
            faces.contract(operator_id).require(shown.contract)
            return list(shown.vectors), How.EMBEDDING
        seen = faces.pipeline().faces(faceid.image.decode(shown.data, shown.content_type))
        if not seen:
            raise NoFace(
                "There is no face in the frame.", expected="at least one face.", remedy="Decide without viewers."
            )  # fmt: skip
    key = protection(operator_id)
    return [None if face.embedding is None else key.apply(face.embedding) for face in seen], How.FACE


def _matched(
    operator_id: UUID,
    venue_id: UUID,
    vectors: Sequence[NDArray[np.float32] | None],
    at: datetime,
    versions: Mapping[str, int],
) -> list[Found]:
    usable = [number for number, vector in enumerate(vectors) if vector is not None]
    matches: dict[int, Match] = {}
    if usable:
        probes = np.stack([vector for vector in vectors if vector is not None])
        gallery = index.gallery(operator_id, versions)
        winners = identify(gallery, probes, at=at, venue=str(venue_id))
        matches = {number: winner for number, winner in zip(usable, winners, strict=True) if winner is not None}
    confirmed = _confirmed(operator_id, venue_id, _each_once(matches), at)
    return [
        (confirmed[number], ViewerState.RECOGNISED) if number in confirmed
        else (None, ViewerState.BYSTANDER if vector is None else ViewerState.ANONYMOUS)
        for number, vector in enumerate(vectors)
    ]  # fmt: skip


def _each_once(matches: Mapping[int, Match]) -> dict[int, UUID]:
    """Let a subject match one face of a frame only, the nearest; the other may be their photograph on a wall."""
    best: dict[str, int] = {}
    for number, match in matches.items():
        if match.subject not in best or match.score > matches[best[match.subject]].score:
            best[match.subject] = number
    return {number: UUID(subject) for subject, number in best.items()}


def _confirmed(operator_id: UUID, venue_id: UUID, found: Mapping[int, UUID], at: datetime) -> dict[int, UUID]:
    """Keep those whose consent the database confirms now."""
    live = _live(operator_id, venue_id, found.values(), at) if found else {}
    return {number: subject for number, subject in found.items() if Purpose.RECOGNISE in live.get(subject, ())}


def _live(operator_id: UUID, venue_id: UUID, subject_ids: Iterable[UUID], at: datetime) -> dict[UUID, frozenset[str]]:
    return subjects.selectors.live_purposes(
        operator_id=operator_id, subject_ids=list(subject_ids), venue_id=venue_id, at=at
    )  # fmt: skip
