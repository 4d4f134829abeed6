from datetime import UTC, datetime

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Operator
from core.epochs import versions
from core.ids import new_id
from core.tenancy import operator_scope
from signage.errors import PlayerNotPaired, UnknownScene
from signage.models import Player, Scene, Screen, Venue
from signage.policies import ENTERTAINMENT, RETAIL
from signage.selectors import get_player, screen_states
from signage.services import add_scene, add_screen, set_default_scene, set_scene_active, touch, unpair
from signage.serving import Situation, situation

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ACTOR = "member:test"


def of(player: Player) -> Situation:
    return situation(player.operator_id, player.id, versions(operator_id=player.operator_id))


def test_a_player_learns_where_it_stands(player: Player, screen: Screen, scene: Scene, venue: Venue) -> None:
    found = of(player)

    assert (found.screen_id, found.screen_public_id) == (screen.id, screen.public_id)
    assert (found.venue_id, found.venue_public_id) == (venue.id, venue.public_id)
    assert (found.venue_category, found.timezone, found.player_kind) == ("retail.grocery", "Europe/Berlin", "signage")
    assert list(found.scenes) == ["checkout"]
    assert found.default_scene == found.scenes["checkout"]
    assert found.scene(None).policy is RETAIL
    assert (found.scene("checkout").slots, found.scene("checkout").assured_age) == (3, 0)
    assert found.scene("checkout").public_id == scene.public_id


def test_asking_again_costs_no_query(player: Player, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    now = versions(operator_id=player.operator_id)
    with django_assert_num_queries(2):
        first = situation(player.operator_id, player.id, now)

    with django_assert_num_queries(0):
        assert situation(player.operator_id, player.id, now) is first


def test_the_number_of_queries_does_not_grow(
    operator: Operator, venue: Venue, player: Player, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        add_scene(operator_id=operator.id, venue_id=venue.id, key=f"scene-{number}", name="Scene", actor=ACTOR)
        screen = add_screen(operator_id=operator.id, venue_id=venue.id, name=f"Screen {number}", actor=ACTOR)
        Player.objects.create(operator_id=operator.id, screen=screen, kind="signage", name="Player")
    now = versions(operator_id=operator.id)

    with django_assert_num_queries(2):
        situation(operator.id, player.id, now)


def test_a_change_is_seen_with_the_next_versions(operator: Operator, venue: Venue, player: Player) -> None:
    before = of(player)

    add_scene(
        operator_id=operator.id, venue_id=venue.id, key="bar", name="Bar", policy="entertainment",
        criteria={"assured_age": 18}, actor=ACTOR,
    )  # fmt: skip

    after = of(player)
    assert "bar" not in before.scenes
    assert (after.scenes["bar"].policy, after.scenes["bar"].assured_age) == (ENTERTAINMENT, 18)
    assert after.scenes["bar"].criteria == {"assured_age": 18}


def test_an_inactive_scene_is_decided_for_no_more(operator: Operator, player: Player, scene: Scene) -> None:
    set_scene_active(operator_id=operator.id, scene_id=scene.id, active=False, actor=ACTOR)

    found = of(player)

    assert found.default_scene is None
    with pytest.raises(UnknownScene, match="default scene; it has: none"):
        found.scene(None)
    with pytest.raises(UnknownScene):
        found.scene("checkout")


def test_an_unknown_scene_is_answered_with_the_known_ones(player: Player) -> None:
    with pytest.raises(UnknownScene, match="'cinema'; it has: checkout"):
        of(player).scene("cinema")


def test_without_a_default_the_oldest_active_scene_is_shown(
    operator: Operator, venue: Venue, screen: Screen, player: Player, scene: Scene
) -> None:
    add_scene(operator_id=operator.id, venue_id=venue.id, key="aisle", name="Aisle", actor=ACTOR)
    set_default_scene(operator_id=operator.id, screen_id=screen.id, scene_id=None, actor=ACTOR)
    assert of(player).scene(None).key == "checkout"

    set_scene_active(operator_id=operator.id, scene_id=scene.id, active=False, actor=ACTOR)
    assert of(player).scene(None).key == "aisle"


def test_an_inactive_default_gives_way_to_an_active_scene(
    operator: Operator, venue: Venue, player: Player, scene: Scene
) -> None:
    add_scene(operator_id=operator.id, venue_id=venue.id, key="aisle", name="Aisle", actor=ACTOR)
    set_scene_active(operator_id=operator.id, scene_id=scene.id, active=False, actor=ACTOR)

    assert of(player).scene(None).key == "aisle"


def test_a_player_that_was_unpaired_stands_nowhere(operator: Operator, player: Player) -> None:
    assert of(player).player_id == player.id

    unpair(operator_id=operator.id, player_id=player.id, actor=ACTOR, at=NOW)

    with pytest.raises(PlayerNotPaired):
        of(player)


def test_a_player_of_another_operator_stands_nowhere(
    operator: Operator, other_operator: Operator, player: Player
) -> None:
    with operator_scope(other_operator.id), pytest.raises(PlayerNotPaired):
        situation(other_operator.id, player.id, {})
    with pytest.raises(PlayerNotPaired):
        situation(operator.id, new_id(), versions(operator_id=operator.id))


def test_the_console_sees_what_each_screen_plays(
    operator: Operator, screen: Screen, player: Player, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    silent = add_screen(operator_id=operator.id, venue_id=screen.venue_id, name="Exit", actor=ACTOR)
    mirror = Player.objects.create(operator_id=operator.id, screen=screen, kind="signage", name="Mirror")
    gone = Player.objects.create(operator_id=operator.id, screen=screen, kind="signage", name="Gone", unpaired_at=NOW)
    touch(operator_id=operator.id, player_id=gone.id, at=NOW.replace(hour=14), now_playing={"creative": "crv_gone"})
    touch(operator_id=operator.id, player_id=player.id, at=NOW, now_playing={"creative": "crv_old"})
    touch(operator_id=operator.id, player_id=mirror.id, at=NOW.replace(hour=13), now_playing={"creative": "crv_new"})

    with django_assert_num_queries(2):
        states = screen_states(operator_id=operator.id)

    assert [state.screen.id for state in states] == [silent.id, screen.id]
    assert (states[0].players, states[0].last_seen_at, states[0].now_playing) == ((), None, None)
    assert [found.name for found in states[1].players] == ["Till 1", "Mirror"]
    assert (states[1].last_seen_at, states[1].now_playing) == (NOW.replace(hour=13), {"creative": "crv_new"})


def test_a_player_is_read_with_its_screen_and_venue(
    operator: Operator, player: Player, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        found = get_player(operator_id=operator.id, player_id=player.id)
        assert found.screen.venue.name == "Harbour Market"
