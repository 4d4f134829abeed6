"""Read venues, screens, scenes and players."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Prefetch, QuerySet

from core.problems import NotFound
from signage.models import Player, Scene, Screen, Venue

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class ScreenState:
    """A screen as the console shows it.

    Attributes:
        last_seen_at: when one of its players was last heard of; None when none ever was.
        now_playing: what the player heard of last said it plays.
    """

    screen: Screen
    players: tuple[Player, ...]
    last_seen_at: datetime | None
    now_playing: Any


def venues(*, operator_id: UUID) -> QuerySet[Venue]:
    """Return an operator's venues."""
    return Venue.objects.filter(operator_id=operator_id)


def screens(*, operator_id: UUID) -> QuerySet[Screen]:
    """Return an operator's screens with their venues and scenes of default."""
    return Screen.objects.filter(operator_id=operator_id).select_related("venue", "default_scene")


def scenes(*, operator_id: UUID) -> QuerySet[Scene]:
    """Return an operator's scenes with their venues."""
    return Scene.objects.filter(operator_id=operator_id).select_related("venue")


def players(*, operator_id: UUID) -> QuerySet[Player]:
    """Return an operator's players, also unpaired ones."""
    return Player.objects.filter(operator_id=operator_id).select_related("screen__venue")


def paired_players(*, operator_id: UUID) -> Iterable[Player]:
    """Return the players that drive a screen now, with screen and venue."""
    return players(operator_id=operator_id).filter(unpaired_at=None)


def active_scenes(*, operator_id: UUID) -> Iterable[Scene]:
    """Return the scenes that may be decided for."""
    return Scene.objects.filter(operator_id=operator_id, active=True)


def screen_states(*, operator_id: UUID) -> list[ScreenState]:
    """Return every screen with what its players last told, by venue and name (two queries)."""
    paired = Prefetch("players", Player.objects.filter(unpaired_at=None).order_by("created_at"), to_attr="paired")
    found = screens(operator_id=operator_id).prefetch_related(paired).order_by("venue__name", "name")
    return [_state(screen, tuple(screen.paired)) for screen in found]


def get_venue(*, operator_id: UUID, venue_id: UUID) -> Venue:
    """Return a venue.

    Raises:
        NotFound: the operator has none with this id.
    """
    return _one(venues(operator_id=operator_id), venue_id, "venue")


def get_screen(*, operator_id: UUID, screen_id: UUID) -> Screen:
    """Return a screen with its venue.

    Raises:
        NotFound: the operator has none with this id.
    """
    return _one(screens(operator_id=operator_id), screen_id, "screen")


def get_scene(*, operator_id: UUID, scene_id: UUID) -> Scene:
    """Return a scene with its venue.

    Raises:
        NotFound: the operator has none with this id.
    """
    return _one(scenes(operator_id=operator_id), scene_id, "scene")


def get_player(*, operator_id: UUID, player_id: UUID) -> Player:
    """Return a player with its screen and venue.

    Raises:
        NotFound: the operator has none with this id.
    """
    return _one(players(operator_id=operator_id), player_id, "player")


def _one(rows: QuerySet[M], row_id: UUID, noun: str) -> M:
    found = rows.filter(pk=row_id).first()
    if found is None:
        raise NotFound(f"You have no {noun} with this id.")
    return found


def _state(screen: Screen, paired: tuple[Player, ...]) -> ScreenState:
    seen = [player for player in paired if player.last_seen_at is not None]
    latest = max(seen, key=lambda player: player.last_seen_at or player.created_at, default=None)
    if latest is None:
        return ScreenState(screen, paired, None, None)
    return ScreenState(screen, paired, latest.last_seen_at, latest.now_playing)
