"""A venue with two scenes and a screen, and API clients of the operator."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import Operator
from accounts.roles import Scope
from accounts.services import issue_api_key
from core.tenancy import operator_scope
from signage.models import Player, Scene, Screen, Venue
from signage.services import add_scene, add_screen, add_venue

ACTOR = "member:test"
ClientOf = Callable[..., APIClient]


@pytest.fixture
def venue(operator: Operator) -> Venue:
    return add_venue(
        operator_id=operator.id, name="Harbour Market", category="retail.grocery", timezone="Europe/Berlin", actor=ACTOR
    )


@pytest.fixture
def scene(operator: Operator, venue: Venue) -> Scene:
    return add_scene(operator_id=operator.id, venue_id=venue.id, key="checkout", name="Checkout", actor=ACTOR)


@pytest.fixture
def screen(operator: Operator, venue: Venue, scene: Scene) -> Screen:
    return add_screen(operator_id=operator.id, venue_id=venue.id, name="Till 1", default_scene_id=scene.id, actor=ACTOR)


@pytest.fixture
def player(operator: Operator, screen: Screen) -> Player:
    return Player.objects.create(operator_id=operator.id, screen=screen, kind="signage", name="Till 1")


@pytest.fixture
def foreign_screen(other_operator: Operator) -> Screen:
    """A screen of somebody else."""
    with operator_scope(other_operator.id):
        venue = add_venue(
            operator_id=other_operator.id, name="Rival Plaza", category="retail.malls", timezone="UTC", actor=ACTOR
        )
        return add_screen(operator_id=other_operator.id, venue_id=venue.id, name="Door", actor=ACTOR)


@pytest.fixture
def client_of() -> ClientOf:
    """Return a client with an API key of an operator."""

    def make(operator: Operator, *scopes: Scope) -> APIClient:
        client = APIClient()
        token = issue_api_key(operator_id=operator.id, name="test", scopes=scopes)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return make
