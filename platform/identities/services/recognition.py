"""Recognise who consented to it; everybody else is counted and leaves nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeAlias
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

import faceid.image
import subjects.selectors
from core import epochs
from core.epochs import Topic
from faceid.errors import ImageTooLarge
from faceid.frame import Frame as Picture
from faceid.liveness.capture import Capture, Look, infrared_of
from faceid.match import Match
from faceid.minor import Minors
from faceid.track import Rules
from identities import index, minors
from identities.errors import EmbeddingsMalformed, LoyaltyTokenUnknown, face_problems
from identities.faces import Space, Spaces, spaces
from identities.liveness import UNJUDGED, Judged, Liveness, judged
from identities.pictures import Frame, Moment
from identities.services import matching
from identities.services.following import Person, floor, follow, rules_of, single
from identities.services.matching import Place, Probe
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


Shown: TypeAlias = Frame | Moment | Probes | LoyaltyToken


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
    number of frames, faces or templates: the epochs unless passed, and the consents of those who matched, which are
    confirmed once more after matching.

    Args:
        shown: a frame, a few frames of one moment, protected embeddings or a loyalty token. Over frames somebody is
            named only when three good looks or more agree; see ``identities.services.following.rules_of``.
        versions: the epochs this request has read.

    Returns:
        One viewer per face, largest first, or the one viewer of a loyalty token. Of several frames: one per person who
            is there at the end.

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
        found, how = _seen_now(Place(operator_id, venue_id, at, versions), shown)
    expires_at = at + settings.VIEWER_TOKEN_LIFETIME
    return [
        RecognisedViewer(
            issue(ViewerClaim(operator_id, screen_id, one.subject_id, one.state, expires_at, how)),
            one.state, expires_at, how, one.judged,
        )
        for one in found
    ]  # fmt: skip


class Infrared(NamedTuple):
    """Brightness of a near-infrared frame, and when it was taken, seconds since the first frame."""

    channel: NDArray[np.uint8]
    at: float


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


def _seen_now(place: Place, shown: Frame | Moment | Probes) -> tuple[list[Found], How]:
    """Look once more when a rotation took the templates away between reading the epochs and filling the gallery."""
    fills = index.is_behind(place.operator_id, place.versions)
    seen = _seen(place, shown)
    if fills:
        newer = epochs.versions(operator_id=place.operator_id)
        if newer.get(Topic.GALLERY) != place.versions.get(Topic.GALLERY):
            seen = _seen(replace(place, versions=newer), shown)
    return seen


def _seen(place: Place, shown: Frame | Moment | Probes) -> tuple[list[Found], How]:
    known = spaces(place.operator_id, place.versions)
    if isinstance(shown, Probes):
        space = known.named(shown.contract)
        dimension = space.protection.dimension
        if shown.vectors.shape[1] != dimension:
            raise EmbeddingsMalformed(f"each embedding under this contract has {dimension} numbers.")
        found = _matched(place, {space: list(shown.vectors)})[0]
        return [_of_age(one, place, ()) for one in found], How.EMBEDDING
    with face_problems():
        people, infrared = _people(place, known, shown)
    found, matches = _matched(place, {space: [one.probes[space] for one in people] for space in known}, people)
    found = [
        _alive(_of_age(one, place, person.looks), person, infrared) for one, person in zip(found, people, strict=True)
    ]
    if known.next is not None:
        _renew(place, known, people, found, matches)
    return found, How.FACE


def _people(place: Place, known: Spaces, shown: Frame | Moment) -> tuple[list[Person], Infrared | None]:
    """Decode every frame before any is looked at, so that one that is broken refuses them all."""
    if isinstance(shown, Frame):
        picture = faceid.image.decode(shown.data, shown.content_type)
        infrared = _infrared(shown, picture, 0.0)
        return single(known, picture), infrared
    pictures = _decoded(shown)
    infrared = _infrared(shown.frames[-1], pictures[-1], shown.times[-1])
    templates = sum(matching.size(place, space) for space in known)
    rules = rules_of(matching.rule_of(place, known.active), templates=templates, frames=len(pictures))
    return follow(known, pictures, shown.times, partial(_rivals, place, known), rules), infrared


def _infrared(frame: Frame, picture: Picture, at: float) -> Infrared | None:
    if frame.infrared is None:
        return None
    return Infrared(infrared_of(faceid.image.decode(frame.infrared.data, frame.infrared.content_type), picture), at)


def _decoded(moment: Moment) -> list[Picture]:
    pictures: list[Picture] = []
    for frame in moment.frames:
        pictures.append(faceid.image.decode(frame.data, frame.content_type))
        if sum(picture.shape[0] * picture.shape[1] for picture in pictures) > faceid.image.MAX_PIXELS:
            raise ImageTooLarge(
                "The frames have too many pixels together.", expected=f"at most {faceid.image.MAX_PIXELS:,} in all.",
                remedy="Shrink the frames; 640 pixels a side suffice.",
            )  # fmt: skip
    return pictures


def _rivals(
    place: Place, known: Spaces, probes: Mapping[Space, Sequence[Probe]], rules: Rules
) -> list[tuple[Match, ...]]:
    """Ask for whom each look speaks, in every space; scores are told as if all had the threshold of the active one."""
    threshold = matching.rule_of(place, known.active).threshold
    found = matching.rivals(place, known.active, probes[known.active], threshold=floor(rules))
    if known.next is not None:
        shift = threshold - matching.rule_of(place, known.next).threshold
        others = matching.rivals(place, known.next, probes[known.next], threshold=floor(rules) - shift)
        found = matching.merged(found, others, shift)
    return found


def _of_age(found: Found, place: Place, looks: Sequence[Look]) -> Found:
    """Make somebody anonymous who may be a minor, where the operator asked for it, without saying why.

    Without a picture nobody can tell, which is the same.
    """
    if found.state is not ViewerState.RECOGNISED:
        return found
    policy = minors.policy(place.operator_id, place.versions)
    if policy is Minors.OFF or (looks and not minors.must_stay_anonymous(policy, looks)):
        return found
    return Found(None, ViewerState.ANONYMOUS)


def _alive(found: Found, person: Person, infrared: Infrared | None) -> Found:
    """Make somebody anonymous whose face may be a picture's; who is not recognised anyhow is not looked at again."""
    if found.state is not ViewerState.RECOGNISED:
        return found
    together = infrared is not None and infrared.at == person.looks[-1].at  # else it shows where they no longer are
    seen = judged(Capture(person.looks, infrared.channel if infrared is not None and together else None))
    if seen.liveness is Liveness.SUSPECTED:
        return Found(None, ViewerState.ANONYMOUS, seen)
    return found._replace(judged=seen)


def _matched(
    place: Place, probes: Mapping[Space, Sequence[Probe]], people: Sequence[Person] = ()
) -> tuple[list[Found], Mapping[Space, Mapping[int, Match]]]:
    """Name whoever every space that knows them agrees on, and who consents here; with the matches per space.

    Args:
        people: whose probes these are, where frames show them; what was seen over frames has a veto.
    """
    matches = {space: matching.nearest(place, space, vectors) for space, vectors in probes.items()}
    vectors = next(iter(probes.values()))
    agreed = {
        number: match
        for number in range(len(vectors))
        if (match := matching.agreed(matches.values(), number)) and (not people or people[number].may_be(match.subject))
    }
    confirmed = _confirmed(place.operator_id, place.venue_id, matching.each_once(agreed), place.at)
    found: list[Found] = [
        Found(confirmed[number], ViewerState.RECOGNISED) if number in confirmed
        else Found(None, ViewerState.BYSTANDER if vector is None else ViewerState.ANONYMOUS)
        for number, vector in enumerate(vectors)
    ]  # fmt: skip
    return found, matches


def _renew(
    place: Place,
    known: Spaces,
    people: Sequence[Person],
    found: Sequence[Found],
    matches: Mapping[Space, Mapping[int, Match]],
) -> None:
    """Offer those who are known under the old contract only for a template under the next one."""
    assert known.next is not None
    rule = matching.rule_of(place, known.active)
    sightings = []
    for number, (person, (subject_id, *_)) in enumerate(zip(people, found, strict=True)):
        match, probe, vector = matches[known.active].get(number), person.probes[known.active], person.probes[known.next]
        if subject_id is None or match is None or probe is None or vector is None or number in matches[known.next]:
            continue
        runner_up = matching.runner_up(place, known.active, probe, match.subject)
        sightings.append(Sighting(subject_id, match.score, runner_up, person.figures, vector, rule.threshold))
    if sightings:
        renew(
            operator_id=place.operator_id, spaces=known, sightings=sightings, venue_id=place.venue_id, at=place.at
        )  # fmt: skip


def _confirmed(operator_id: UUID, venue_id: UUID, found: Mapping[int, UUID], at: datetime) -> dict[int, UUID]:
    """Keep those whose consent the database confirms now."""
    live = _live(operator_id, venue_id, found.values(), at) if found else {}
    return {number: subject for number, subject in found.items() if Purpose.RECOGNISE in live.get(subject, ())}


def _live(operator_id: UUID, venue_id: UUID, subject_ids: Iterable[UUID], at: datetime) -> dict[UUID, frozenset[str]]:
    return subjects.selectors.live_purposes(
        operator_id=operator_id, subject_ids=list(subject_ids), venue_id=venue_id, at=at
    )  # fmt: skip
