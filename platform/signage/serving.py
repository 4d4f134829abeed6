"""Where a player stands, answered from memory: no query while the operator's signage has not changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from core.epochs import Topic
from signage import selectors
from signage.errors import PlayerNotPaired, UnknownScene
from signage.models import Player, Scene
from signage.policies import POLICIES, ScenePolicy


@dataclass(frozen=True, slots=True)
class SceneView:
    """A scene as a decision needs it.

    Attributes:
        criteria: what the operator stated about the situation.
        assured_age: age that everybody at the scene has reached, vouched for by the venue; 0 when nobody vouches.
    """

    id: UUID
    public_id: str
    key: str
    name: str
    policy: ScenePolicy
    slots: int
    criteria: Mapping[str, Any]
    assured_age: int


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a player stands: its screen, the venue and the venue's active scenes.

    Attributes:
        timezone: IANA name, for the venue's local time.
        scenes: active scenes by key.
        default_scene: what is shown when the player names no scene; None when the venue has none.
    """

    player_id: UUID
    player_kind: str
    screen_id: UUID
    screen_public_id: str
    screen_name: str
    width: int
    height: int
    venue_id: UUID
    venue_public_id: str
    venue_name: str
    venue_category: str
    timezone: str
    scenes: Mapping[str, SceneView]
    default_scene: SceneView | None

    def scene(self, key: str | None) -> SceneView:
        """Return the scene called ``key``, the default one for None.

        Raises:
            UnknownScene: the venue has no such active scene.
        """
        found = self.default_scene if key is None else self.scenes.get(key)
        if found is None:
            known = ", ".join(sorted(self.scenes)) or "none"
            wanted = "a default scene" if key is None else f"an active scene {key[:60]!r}"
            raise UnknownScene(f"{self.venue_name} has not {wanted}; it has: {known}.")
        return found


Situations = Mapping[UUID, Situation]
_held: dict[UUID, tuple[int, Situations]] = {}


def situation(operator_id: UUID, player_id: UUID, versions: Mapping[str, int]) -> Situation:
    """Return where a player stands.

    Args:
        versions: ``core.epochs.versions`` of the operator, read once per request.

    Raises:
        PlayerNotPaired: the player is unknown, or was unpaired.
    """
    found = situations(operator_id, versions).get(player_id)
    if found is None:
        raise PlayerNotPaired("This player drives no screen. Pair it again.")
    return found


def remembered(operator_id: UUID, player_id: UUID) -> Situation | None:
    """Return where a player stood when this process last looked, without a query; compare it with `situation`."""
    held = _held.get(operator_id)
    return held[1].get(player_id) if held else None


def situations(operator_id: UUID, versions: Mapping[str, int]) -> Situations:
    """Return where every paired player of an operator stands; two queries after a change, none otherwise."""
    version = versions.get(Topic.SIGNAGE, 0)
    held = _held.get(operator_id)
    if held is None or held[0] != version:
        # Two threads may build at once; both copies are true, and whichever is kept is compared again next time.
        held = version, _build(operator_id)
        _held[operator_id] = held
    return held[1]


def _build(operator_id: UUID) -> Situations:
    scenes: dict[UUID, dict[str, SceneView]] = {}
    for scene in selectors.active_scenes(operator_id=operator_id):
        scenes.setdefault(scene.venue_id, {})[scene.key] = _view(scene)
    players = selectors.paired_players(operator_id=operator_id)
    return MappingProxyType(
        {player.id: _situation(player, scenes.get(player.screen.venue_id, {})) for player in players}
    )


def _view(scene: Scene) -> SceneView:
    return SceneView(
        scene.id, scene.public_id, scene.key, scene.name, POLICIES[scene.policy], scene.slots,
        MappingProxyType(scene.criteria), int(scene.criteria.get("assured_age", 0)),
    )  # fmt: skip


def _situation(player: Player, scenes: dict[str, SceneView]) -> Situation:
    screen, venue = player.screen, player.screen.venue
    by_id = {scene.id: scene for scene in scenes.values()}
    oldest = min(by_id.values(), key=lambda scene: scene.id.int, default=None)
    default = by_id.get(screen.default_scene_id, oldest) if screen.default_scene_id else oldest
    return Situation(
        player.id, player.kind, screen.id, screen.public_id, screen.name, screen.width, screen.height,
        venue.id, venue.public_id, venue.name, venue.category, venue.timezone,
        MappingProxyType(scenes), default,
    )  # fmt: skip
