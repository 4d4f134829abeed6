from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Operator
from audit.selectors import latest
from core.epochs import Topic, versions
from core.ids import new_id
from core.problems import NotFound
from core.tenancy import operator_scope
from signage.errors import (
    ForeignScene,
    SceneExists,
    UnknownPolicy,
    UnknownTimezone,
    UnknownVenueCategory,
    UnusableName,
    UnusableScene,
    UnusableScreen,
)
from signage.models import Pairing, Player, Scene, Screen, Venue
from signage.services import add_scene, add_screen, add_venue, set_default_scene, set_scene_active

ACTOR = "member:test"


def test_a_venue_is_audited_and_tells_every_process(operator: Operator) -> None:
    venue = add_venue(
        operator_id=operator.id,
        name=" Harbour Market ",
        category="retail.grocery",
        timezone="Europe/Berlin",
        actor=ACTOR,
    )

    assert (venue.name, venue.public_id[:4]) == ("Harbour Market", "ven_")
    assert versions(operator_id=operator.id)[Topic.SIGNAGE] == 1
    entry = latest(operator_id=operator.id)[0]
    assert (entry.actor, entry.action, entry.target) == (ACTOR, "venue.added", venue.public_id)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"category": "shop"}, UnknownVenueCategory),
        ({"timezone": "Mars/Olympus"}, UnknownTimezone),
        ({"timezone": "../../etc/passwd"}, UnknownTimezone),
        ({"name": "  "}, UnusableName),
        ({"name": "x" * 121}, UnusableName),
    ],
)
def test_a_refused_venue_changes_nothing(operator: Operator, changed: dict[str, Any], problem: type[Exception]) -> None:
    wanted = {"name": "Market", "category": "retail.grocery", "timezone": "UTC"} | changed

    with pytest.raises(problem):
        add_venue(operator_id=operator.id, actor=ACTOR, **wanted)

    assert Venue.objects.count() == 0
    assert versions(operator_id=operator.id) == {}
    assert latest(operator_id=operator.id) == []


def test_a_scene_begins_with_the_policy_of_its_vertical(operator: Operator, venue: Venue) -> None:
    scene = add_scene(operator_id=operator.id, venue_id=venue.id, key="entrance", name="Entrance", actor=ACTOR)

    assert (scene.policy, scene.slots, scene.active, scene.criteria) == ("retail", 3, True, {})


def test_a_scene_may_have_another_policy_and_an_age_the_venue_vouches_for(operator: Operator, venue: Venue) -> None:
    scene = add_scene(
        operator_id=operator.id, venue_id=venue.id, key="bar", name="Bar", policy="entertainment", slots=5,
        criteria={"assured_age": 18, "floor": "2"}, actor=ACTOR,
    )  # fmt: skip

    scene.refresh_from_db()
    assert (scene.policy, scene.slots, scene.criteria) == ("entertainment", 5, {"assured_age": 18, "floor": "2"})


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"key": "Check out"}, UnusableScene),
        ({"key": ""}, UnusableScene),
        ({"slots": 0}, UnusableScene),
        ({"slots": 11}, UnusableScene),
        ({"policy": "casino"}, UnknownPolicy),
        ({"criteria": {"assured_age": -1}}, UnusableScene),
        ({"criteria": {"assured_age": True}}, UnusableScene),
        ({"criteria": {"assured_age": "18"}}, UnusableScene),
        ({"criteria": {"nested": {}}}, UnusableScene),
        ({"criteria": {str(number): number for number in range(21)}}, UnusableScene),
    ],
)
def test_a_refused_scene_changes_nothing(
    operator: Operator, venue: Venue, changed: dict[str, Any], problem: type[Exception]
) -> None:
    before = versions(operator_id=operator.id)
    wanted = {"key": "entrance", "name": "Entrance"} | changed

    with pytest.raises(problem):
        add_scene(operator_id=operator.id, venue_id=venue.id, actor=ACTOR, **wanted)

    assert Scene.objects.count() == 0
    assert versions(operator_id=operator.id) == before


def test_a_key_names_one_scene_of_a_venue(operator: Operator, venue: Venue, scene: Scene) -> None:
    with pytest.raises(SceneExists):
        add_scene(operator_id=operator.id, venue_id=venue.id, key=scene.key, name="Again", actor=ACTOR)

    assert Scene.objects.get().name == "Checkout"


def test_a_screen_defaults_to_a_scene_of_its_own_venue_only(operator: Operator, scene: Scene) -> None:
    elsewhere = add_venue(operator_id=operator.id, name="Bank", category="financial.banks", timezone="UTC", actor=ACTOR)

    with pytest.raises(ForeignScene):
        add_screen(operator_id=operator.id, venue_id=elsewhere.id, name="Lobby", default_scene_id=scene.id, actor=ACTOR)
    lobby = add_screen(operator_id=operator.id, venue_id=elsewhere.id, name="Lobby", actor=ACTOR)
    with pytest.raises(ForeignScene):
        set_default_scene(operator_id=operator.id, screen_id=lobby.id, scene_id=scene.id, actor=ACTOR)

    lobby.refresh_from_db()
    assert lobby.default_scene_id is None
    assert Screen.objects.count() == 1


def test_the_default_scene_can_be_changed_and_taken_away(operator: Operator, venue: Venue, screen: Screen) -> None:
    other = add_scene(operator_id=operator.id, venue_id=venue.id, key="entrance", name="Entrance", actor=ACTOR)

    set_default_scene(operator_id=operator.id, screen_id=screen.id, scene_id=other.id, actor=ACTOR)
    screen.refresh_from_db()
    assert screen.default_scene_id == other.id

    set_default_scene(operator_id=operator.id, screen_id=screen.id, scene_id=None, actor=ACTOR)
    screen.refresh_from_db()
    assert screen.default_scene_id is None


@pytest.mark.parametrize("size", [(15, 1080), (1920, 32769)])
def test_a_screen_of_impossible_size_is_refused(operator: Operator, venue: Venue, size: tuple[int, int]) -> None:
    with pytest.raises(UnusableScreen):
        add_screen(operator_id=operator.id, venue_id=venue.id, name="Wall", width=size[0], height=size[1], actor=ACTOR)

    assert Screen.objects.count() == 0


def test_a_scene_can_be_switched_off(operator: Operator, scene: Scene) -> None:
    before = versions(operator_id=operator.id)[Topic.SIGNAGE]

    set_scene_active(operator_id=operator.id, scene_id=scene.id, active=False, actor=ACTOR)

    scene.refresh_from_db()
    assert not scene.active
    assert versions(operator_id=operator.id)[Topic.SIGNAGE] == before + 1


def test_nothing_is_added_to_somebody_elses_venue(operator: Operator, foreign_screen: Screen) -> None:
    with pytest.raises(NotFound):
        add_screen(operator_id=operator.id, venue_id=foreign_screen.venue_id, name="Mine", actor=ACTOR)
    with pytest.raises(NotFound):
        add_scene(operator_id=operator.id, venue_id=foreign_screen.venue_id, key="mine", name="Mine", actor=ACTOR)

    assert Screen.objects.count() == 0


def test_the_database_refuses_what_belongs_to_two_operators(
    operator: Operator, other_operator: Operator, foreign_screen: Screen
) -> None:
    with pytest.raises(IntegrityError, match="player_at_screen_of_operator"), transaction.atomic():
        Player.objects.create(operator_id=operator.id, screen_id=foreign_screen.id, kind="signage", name="Spy")
    with pytest.raises(IntegrityError, match="screen_in_venue_of_operator"), transaction.atomic():
        Screen.objects.create(operator_id=operator.id, venue_id=foreign_screen.venue_id, name="Spy")


def test_the_database_refuses_a_default_scene_of_another_venue(operator: Operator, scene: Scene) -> None:
    elsewhere = add_venue(operator_id=operator.id, name="Bank", category="financial.banks", timezone="UTC", actor=ACTOR)

    with pytest.raises(IntegrityError, match="screen_default_scene_of_venue"), transaction.atomic():
        Screen.objects.create(operator_id=operator.id, venue=elsewhere, name="Lobby", default_scene=scene)


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        ({"slots": 0}, "scene_slots_in_range"),
        ({"policy": "casino"}, "scene_policy_known"),
    ],
)
def test_the_database_refuses_impossible_scenes(
    operator: Operator, venue: Venue, row: dict[str, Any], constraint: str
) -> None:
    fields = {"key": "entrance", "name": "Entrance", "policy": "retail"} | row

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Scene.objects.create(operator_id=operator.id, venue=venue, **fields)


def test_the_database_refuses_a_claim_without_a_player(operator: Operator) -> None:
    with (
        pytest.raises(IntegrityError, match="pairing_claimed_by_operator"),
        transaction.atomic(),
    ):
        Pairing.objects.create(
            operator_id=operator.id, kind="signage", code="ABCD2345", secret_digest=b"s", remote_digest=b"r",
            expires_at="2026-11-22T12:00:00Z",
        )  # fmt: skip


@pytest.mark.parametrize("model", [Venue, Scene, Screen, Player])
def test_rows_of_another_operator_are_out_of_sight(
    model: type[Any], operator: Operator, other_operator: Operator, player: Player
) -> None:
    assert model.objects.count() == 1
    with operator_scope(other_operator.id):
        assert model.objects.count() == 0
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {model._meta.db_table}")
            assert cursor.fetchone() == (0,)
    with operator_scope(new_id()):
        assert model.objects.count() == 0
