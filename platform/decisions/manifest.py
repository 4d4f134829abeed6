"""All a player needs to know beforehand: its screen and scenes, the media to fetch, the notice, the offline bundle."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

import catalog.selectors
import catalog.serving
import subjects.selectors
from catalog.offers import Offer
from core.epochs import Topic
from decisions import bundle
from decisions.candidates import placement_of
from signage.policies import RECOGNISE
from signage.serving import Situation
from subjects.errors import UnknownNotice
from subjects.services import Notice

LONGEST_SIDE = 1280
FRAME_TYPES = ("image/jpeg", "image/png", "image/webp")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a player gets.

    Attributes:
        offers: every creative that may come up at this screen within the hour.
        capture: whether any scene may recognise people at all; the player asks them first in any case.
        offline: the signed bundle, see ``decisions.bundle.signed``.
    """

    situation: Situation
    offers: list[Offer]
    notice: Notice | None
    capture: bool
    offline: Mapping[str, str]
    valid_until: datetime


def hour_of(at: datetime) -> datetime:
    """Return the begin of the hour; a manifest is the same for all of it unless something changes."""
    return at.replace(minute=0, second=0, microsecond=0)


def tag(*, player_id: UUID, versions: Mapping[str, int], notice: Notice | None, at: datetime) -> str:
    """Return what changes whenever the manifest does, in the form of an HTTP entity tag (RFC 9110, section 8.8.3)."""
    parts = (
        player_id, versions.get(Topic.SIGNAGE, 0), versions.get(Topic.CATALOG, 0), notice.sha256 if notice else "",
        hour_of(at).isoformat(),
    )  # fmt: skip
    return f'"{hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()}"'


def notice_of(operator_id: UUID) -> Notice | None:
    """Return the notice in force; without one nobody can consent, and nobody is recognised."""
    try:
        return subjects.selectors.current_notice(operator_id=operator_id)
    except UnknownNotice:
        return None


def manifest(
    *, operator_id: UUID, situation: Situation, versions: Mapping[str, int], notice: Notice | None, at: datetime
) -> Manifest:
    """Return a player's manifest."""
    hour = hour_of(at)
    catalogue = catalog.serving.snapshot(operator_id, versions)
    spent = catalog.selectors.spent(operator_id=operator_id, at=at)
    found = {
        key: catalog.serving.eligible(
            catalogue, placement_of(scene, situation), at=at, timezone=situation.timezone, spent=spent,
            personal_allowed=True,
        )
        for key, scene in situation.scenes.items()
    }  # fmt: skip
    places = [eligible.indices for eligible in found.values()]
    offers = [catalogue.offers[place] for place in np.unique(np.concatenate(places)).tolist()] if places else []
    default = situation.default_scene
    house = [offer for offer in found[default.key].offers if not offer.paid and not offer.personal] if default else []
    valid_until = hour + bundle.TERM
    signed = bundle.signed(
        operator_id=operator_id,
        screen_id=situation.screen_id,
        screen=situation.screen_public_id,
        items=[house_item(offer) for offer in house],
        valid_until=valid_until,
    )
    capture = any(scene.policy.allows_purpose(RECOGNISE) for scene in situation.scenes.values())
    return Manifest(situation, offers, notice, capture and notice is not None, signed, valid_until)


def house_item(offer: Offer) -> dict[str, Any]:
    """Return what an offline bundle says about one piece of content; its media is among the manifest's."""
    return {
        "creative": offer.public_id,
        "title": offer.title,
        "category": offer.category,
        "duration_ms": offer.duration_ms,
        "sha256": offer.sha256,
    }
