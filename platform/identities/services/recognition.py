"""Recognise who consented to it; everybody else is counted and leaves nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, TypeAlias
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

import faceid.image
import subjects.selectors
from core import epochs
from core.epochs import Topic
from faceid.errors import NoFace
from faceid.frame import Frame as Picture
from faceid.frame import require
from faceid.liveness.capture import Capture, Look
from faceid.match import Match, identify
from faceid.pipeline import DetectedFace
from identities import index, thresholds
from identities.errors import EmbeddingsMalformed, LoyaltyTokenUnknown, face_problems
from identities.faces import Space, Spaces, spaces
from identities.liveness import UNJUDGED, Judged, Liveness, judged
from identities.pictures import Frame
from identities.services.migration import Sighting, renew
from identities.viewers import How, ViewerClaim, ViewerState, issue
from subjects.purposes import Purpose


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
    """One viewer, as the player may know them: a token and a state, never who it is.

    Attributes:
        judged: whether a living person was seen, for those a frame would have recognised; a suspicion makes anonymous.
    """

    token: str
    state: ViewerState
    expires_at: datetime
    how: How
    judged: Judged = UNJUDGED


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
        EmbeddingsMalformed: embeddings of another dimension than the contract's.
        ProtectionKeyLost: the operator's key is gone, or was destroyed.
        LoyaltyTokenUnknown: the token names nobody who consents to be served at this venue.
    """
    if isinstance(shown, LoyaltyToken):
        found, how = [_bearer(operator_id, venue_id, shown.token, at)], How.LOYALTY
    else:
        versions = epochs.versions(operator_id=operator_id) if versions is None else versions
        found, how = _seen_now(_Look(operator_id, venue_id, at, versions), shown)
    expires_at = at + settings.VIEWER_TOKEN_LIFETIME
    return [
        RecognisedViewer(
            issue(ViewerClaim(operator_id, screen_id, one.subject_id, one.state, expires_at, how)),
            one.state, expires_at, how, one.judged,
        )
        for one in found
    ]  # fmt: skip


class Found(NamedTuple):
    """Whom one face or token turned out to be, and whether it is alive."""

    subject_id: UUID | None
    state: ViewerState
    judged: Judged = UNJUDGED


def _bearer(operator_id: UUID, venue_id: UUID, token: str, at: datetime) -> Found:
    subject_id = subjects.selectors.subject_of_loyalty(operator_id=operator_id, token=token)
    if subject_id is not None:
        live = subjects.selectors.live_purposes(
            operator_id=operator_id, subject_ids=[subject_id], venue_id=venue_id, at=at
        )  # fmt: skip
        if Purpose.PERSONALISE in live.get(subject_id, ()):
            return Found(subject_id, ViewerState.RECOGNISED)
    raise LoyaltyTokenUnknown("This token names nobody who wants to be served here. A newer one may have replaced it.")


@dataclass(frozen=True, slots=True)
class _Look:
    """Where and when somebody looks at a screen, and how new the memory of this process has to be."""

    operator_id: UUID
    venue_id: UUID
    at: datetime
    versions: Mapping[str, int]


Probe: TypeAlias = NDArray[np.float32] | None
"""One protected embedding; None for a face that is too poor to compare."""


def _seen_now(look: _Look, shown: Frame | Probes) -> tuple[list[Found], How]:
    """Look once more when a rotation took the templates away between reading the epochs and filling the gallery."""
    fills = index.is_behind(look.operator_id, look.versions)
    seen = _seen(look, shown)
    if fills:
        newer = epochs.versions(operator_id=look.operator_id)
        if newer.get(Topic.GALLERY) != look.versions.get(Topic.GALLERY):
            seen = _seen(replace(look, versions=newer), shown)
    return seen


def _seen(look: _Look, shown: Frame | Probes) -> tuple[list[Found], How]:
    known = spaces(look.operator_id, look.versions)
    if isinstance(shown, Probes):
        space = known.named(shown.contract)
        dimension = space.protection.dimension
        if shown.vectors.shape[1] != dimension:
            raise EmbeddingsMalformed(f"each embedding under this contract has {dimension} numbers.")
        return _matched(look, {space: list(shown.vectors)})[0], How.EMBEDDING
    with face_problems():
        image = faceid.image.decode(shown.data, shown.content_type)
        detected = known.active.pipeline.faces(image)
        if not detected:
            raise NoFace(
                "There is no face in the frame.", expected="at least one face.", remedy="Decide without viewers."
            )  # fmt: skip
    probes = {space: [_probe(space, known, image, face) for face in detected] for space in known}
    found, matches = _matched(look, probes)
    found = [_alive(one, image, face) for one, face in zip(found, detected, strict=True)]
    if known.next is not None:
        _renew(look, known, detected, probes, found, matches)
    return found, How.FACE


def _alive(found: Found, image: Picture, face: DetectedFace) -> Found:
    """Make somebody anonymous whose face may be a picture's; who is not recognised anyhow is not looked at again."""
    if found.state is not ViewerState.RECOGNISED:
        return found
    seen = judged(Capture((Look(require(image), face.face),)))
    if seen.liveness is Liveness.SUSPECTED:
        return Found(None, ViewerState.ANONYMOUS, seen)
    return found._replace(judged=seen)


def _probe(space: Space, known: Spaces, image: NDArray[np.uint8], face: DetectedFace) -> Probe:
    if face.embedding is None:
        return None
    if space.pipeline is known.active.pipeline:
        return space.protection.apply(face.embedding)
    return space.template(image, face.face)


def _matched(
    look: _Look, probes: Mapping[Space, Sequence[Probe]]
) -> tuple[list[Found], Mapping[Space, Mapping[int, Match]]]:
    """Name whoever every space that knows them agrees on, and who consents here; with the matches per space."""
    matches = {space: _nearest(look, space, vectors) for space, vectors in probes.items()}
    vectors = next(iter(probes.values()))
    agreed = {number: match for number in range(len(vectors)) if (match := _agreed(matches.values(), number))}
    confirmed = _confirmed(look.operator_id, look.venue_id, _each_once(agreed), look.at)
    found: list[Found] = [
        Found(confirmed[number], ViewerState.RECOGNISED) if number in confirmed
        else Found(None, ViewerState.BYSTANDER if vector is None else ViewerState.ANONYMOUS)
        for number, vector in enumerate(vectors)
    ]  # fmt: skip
    return found, matches


def _nearest(look: _Look, space: Space, vectors: Sequence[Probe]) -> dict[int, Match]:
    usable = [number for number, vector in enumerate(vectors) if vector is not None]
    if not usable:
        return {}
    gallery = index.gallery(look.operator_id, look.versions, space.id)
    probes = np.stack([vector for vector in vectors if vector is not None])
    rule = thresholds.rule(look.operator_id, space.pipeline, look.versions)
    winners = identify(
        gallery, probes, at=look.at, venue=str(look.venue_id), threshold=rule.threshold, margin=rule.margin
    )
    return {number: winner for number, winner in zip(usable, winners, strict=True) if winner is not None}


def _agreed(matches: Iterable[Mapping[int, Match]], number: int) -> Match | None:
    """Return whom the spaces see in one face; nobody when they contradict each other."""
    named = [found[number] for found in matches if number in found]
    if len({match.subject for match in named}) != 1:
        return None
    return max(named, key=lambda match: match.score)


def _renew(
    look: _Look,
    known: Spaces,
    detected: Sequence[DetectedFace],
    probes: Mapping[Space, Sequence[Probe]],
    found: Sequence[Found],
    matches: Mapping[Space, Mapping[int, Match]],
) -> None:
    """Offer those who are known under the old contract only for a template under the next one."""
    assert known.next is not None
    rule = thresholds.rule(look.operator_id, known.active.pipeline, look.versions)
    sightings = []
    for number, (subject_id, *_) in enumerate(found):
        match, vector = matches[known.active].get(number), probes[known.next][number]
        if subject_id is None or match is None or vector is None or number in matches[known.next]:
            continue
        runner_up = _runner_up(look, known.active, probes[known.active][number], match.subject)
        figures = detected[number].quality.figures
        sightings.append(Sighting(subject_id, match.score, runner_up, figures, vector, rule.threshold))
    if sightings:
        renew(
            operator_id=look.operator_id, spaces=known, sightings=sightings, venue_id=look.venue_id, at=look.at
        )  # fmt: skip


def _runner_up(look: _Look, space: Space, probe: Probe, subject: str) -> float:
    assert probe is not None
    gallery = index.gallery(look.operator_id, look.versions, space.id)
    [near] = gallery.nearest(probe[None, :], k=2, threshold=-1.0, at=look.at, venue=str(look.venue_id))
    return max((match.score for match in near if match.subject != subject), default=-1.0)


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
