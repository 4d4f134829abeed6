"""Set up where content is shown."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction

from audit.services import record
from core.epochs import Topic, bump
from signage.errors import ForeignScene, SceneExists, UnknownTimezone, UnusableName, UnusableScene, UnusableScreen
from signage.models import Scene, Screen, Venue
from signage.policies import policy as policy_called
from signage.selectors import get_scene, get_screen, get_venue
from signage.taxonomy import venue_category

_KEY = re.compile(r"[a-z0-9][-a-z0-9_]{0,59}")
_LARGEST_CRITERIA = 20


@transaction.atomic
def add_venue(*, operator_id: UUID, name: str, category: str, timezone: str, actor: str) -> Venue:
    """Add a place.

    Args:
        category: OpenOOH slug, for instance ``retail.grocery``.
        timezone: IANA name, for instance ``Europe/Berlin``.

    Raises:
        UnknownVenueCategory: the taxonomy has no such category.
        UnknownTimezone: there is no such time zone.
    """
    venue_category(category)
    _check_timezone(timezone)
    venue = Venue.objects.create(operator_id=operator_id, name=_named(name), category=category, timezone=timezone)
    _changed(operator_id, actor, "venue.added", venue.public_id)
    return venue


@transaction.atomic
def add_screen(
    *,
    operator_id: UUID,
    venue_id: UUID,
    name: str,
    actor: str,
    width: int = 1920,
    height: int = 1080,
    default_scene_id: UUID | None = None,
) -> Screen:
    """Add a display to a venue; sizes are in pixels.

    Raises:
        NotFound: the operator has no such venue or scene.
        ForeignScene: the scene belongs to another venue.
        UnusableScreen: the size is out of range.
    """
    venue = get_venue(operator_id=operator_id, venue_id=venue_id)
    if not (16 <= width <= 32768 and 16 <= height <= 32768):
        raise UnusableScreen(f"A screen has 16 to 32768 pixels a side, not {width} x {height}.")
    _check_default(operator_id, venue.id, default_scene_id)
    screen = Screen.objects.create(
        operator_id=operator_id, venue=venue, name=_named(name), width=width, height=height,
        default_scene_id=default_scene_id,
    )  # fmt: skip
    _changed(operator_id, actor, "screen.added", screen.public_id)
    return screen


@transaction.atomic
def add_scene(
    *,
    operator_id: UUID,
    venue_id: UUID,
    key: str,
    name: str,
    actor: str,
    policy: str | None = None,
    slots: int = 3,
    criteria: Mapping[str, Any] | None = None,
) -> Scene:
    """Add a named situation to a venue.

    Args:
        policy: key of a scene policy; None takes the one of the venue's vertical.
        slots: how many creatives a slate has, 1 to 10.
        criteria: what the operator states about the situation; ``assured_age`` is the age the venue vouches for.

    Raises:
        NotFound: the operator has no such venue.
        UnknownPolicy: there is no such policy.
        UnusableScene: key, slots or criteria are out of range.
        SceneExists: the venue has a scene with this key.
    """
    venue = get_venue(operator_id=operator_id, venue_id=venue_id)
    chosen = policy_called(policy or venue_category(venue.category).policy)
    _check_scene(key, slots, criteria or {})
    try:
        with transaction.atomic():
            scene = Scene.objects.create(
                operator_id=operator_id, venue=venue, key=key, name=_named(name), policy=chosen.key, slots=slots,
                criteria=dict(criteria or {}),
            )  # fmt: skip
    except IntegrityError as error:
        if "scene_once_per_venue" in str(error):
            raise SceneExists(f"{venue.name} already has a scene {key!r}.") from error
        raise
    _changed(operator_id, actor, "scene.added", scene.public_id, {"policy": chosen.key})
    return scene


@transaction.atomic
def set_default_scene(*, operator_id: UUID, screen_id: UUID, scene_id: UUID | None, actor: str) -> Screen:
    """Let a screen show this scene when its player names none.

    Raises:
        NotFound: the operator has no such screen or scene.
        ForeignScene: the scene belongs to another venue.
    """
    screen = get_screen(operator_id=operator_id, screen_id=screen_id)
    _check_default(operator_id, screen.venue_id, scene_id)
    screen.default_scene_id = scene_id
    screen.save(update_fields=["default_scene_id"])
    _changed(operator_id, actor, "screen.default_scene_set", screen.public_id)
    return screen


@transaction.atomic
def set_scene_active(*, operator_id: UUID, scene_id: UUID, active: bool, actor: str) -> Scene:
    """Switch a scene on or off; an inactive one is decided for no more.

    Raises:
        NotFound: the operator has no such scene.
    """
    scene = get_scene(operator_id=operator_id, scene_id=scene_id)
    scene.active = active
    scene.save(update_fields=["active"])
    _changed(operator_id, actor, "scene.switched", scene.public_id, {"active": active})
    return scene


def _changed(operator_id: UUID, actor: str, action: str, target: str, detail: Mapping[str, Any] | None = None) -> None:
    record(operator_id=operator_id, actor=actor, action=action, target=target, detail=detail)
    bump(operator_id=operator_id, topic=Topic.SIGNAGE)


def _named(name: str) -> str:
    trimmed = name.strip()
    if not 1 <= len(trimmed) <= 120:
        raise UnusableName("A name has 1 to 120 characters.")
    return trimmed


def _check_timezone(timezone: str) -> None:
    if timezone not in available_timezones():
        raise UnknownTimezone(f"{timezone[:64]!r} is no IANA time zone like Europe/Berlin.")


def _check_default(operator_id: UUID, venue_id: UUID, scene_id: UUID | None) -> None:
    if scene_id is not None and get_scene(operator_id=operator_id, scene_id=scene_id).venue_id != venue_id:
        raise ForeignScene("The default scene must be one of the screen's own venue.")


def _check_scene(key: str, slots: int, criteria: Mapping[str, Any]) -> None:
    if not _KEY.fullmatch(key):
        raise UnusableScene("key: 1 to 60 of a-z, 0-9, - and _, a letter or digit first.")
    if not 1 <= slots <= 10:
        raise UnusableScene(f"slots: expected 1 to 10, got {slots}.")
    if len(criteria) > _LARGEST_CRITERIA or any(isinstance(value, (dict, list)) for value in criteria.values()):
        raise UnusableScene(f"criteria: at most {_LARGEST_CRITERIA} plain values.")
    age = criteria.get("assured_age", 0)
    if isinstance(age, bool) or not isinstance(age, int) or not 0 <= age <= 99:
        raise UnusableScene("criteria.assured_age: expected a whole number of years from 0 to 99.")
