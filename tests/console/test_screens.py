"""Screens and pairing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import signage.selectors
import signage.services
from accounts.models import Operator

Staged = dict[str, Any]


@pytest.fixture
def code(operator: Operator) -> str:
    """The code that a device shows."""
    return signage.services.start_pairing(kind="signage", remote="192.0.2.1", at=timezone.now()).code


def pair(client: Client, staged: Staged, code: str) -> Any:
    """Send the pairing form."""
    return client.post("/screens/pairings", {"code": code, "screen": str(staged["screen"].id), "name": ""})


def test_a_code_makes_the_device_drive_the_screen(
    owner: Client, staged: Staged, operator: Operator, code: str, actions: Callable[[], list[str]]
) -> None:
    response = pair(owner, staged, f" {code[:4].lower()}-{code[4:]} ")

    assert response["Location"] == "/screens"
    player = signage.selectors.players(operator_id=operator.id).get()
    assert player.screen_id == staged["screen"].id
    assert "player.paired" in actions()
    assert f"{player.name} now drives Wall." in owner.get("/screens").content.decode()


def test_an_unknown_code_is_explained_and_pairs_nothing(owner: Client, staged: Staged, operator: Operator) -> None:
    response = pair(owner, staged, "ABCD-2345")

    assert response.status_code == 422
    page = response.content.decode()
    assert "No device shows this code." in page
    assert 'value="ABCD-2345"' in page
    assert not signage.selectors.players(operator_id=operator.id).exists()


def test_a_claimed_code_is_explained_and_pairs_nothing_more(
    owner: Client, staged: Staged, operator: Operator, code: str
) -> None:
    pair(owner, staged, code)

    response = pair(owner, staged, code)

    assert "This code was claimed before." in response.content.decode()
    assert signage.selectors.players(operator_id=operator.id).count() == 1


def test_an_expired_code_is_explained(owner: Client, staged: Staged, operator: Operator) -> None:
    long_ago = timezone.now() - signage.services.CODE_LIFETIME - timedelta(seconds=1)
    old = signage.services.start_pairing(kind="signage", remote="192.0.2.1", at=long_ago).code

    assert "This code has expired." in pair(owner, staged, old).content.decode()
    assert not signage.selectors.players(operator_id=operator.id).exists()


def test_a_screen_of_another_operator_cannot_be_chosen(
    owner: Client, staged: Staged, other_operator: Operator, stage: Callable[[Operator], Staged], code: str
) -> None:
    foreign = stage(other_operator)

    response = pair(owner, foreign, code)

    assert response.status_code == 422
    assert "Select a valid choice." in response.content.decode()


def test_an_empty_code_is_asked_for(owner: Client, staged: Staged) -> None:
    assert "Type the code that the device shows." in pair(owner, staged, "").content.decode()


def test_unpairing_revokes_the_player(
    owner: Client, staged: Staged, operator: Operator, code: str, actions: Callable[[], list[str]]
) -> None:
    pair(owner, staged, code)
    player = signage.selectors.players(operator_id=operator.id).get()

    response = owner.post(f"/players/{player.public_id}/unpairing", follow=True)

    player.refresh_from_db()
    assert player.unpaired_at is not None
    assert actions()[-1] == "player.unpaired"
    assert "is unpaired" in response.content.decode()


def test_a_screen_counts_as_online_while_its_player_is_heard(
    owner: Client, staged: Staged, operator: Operator, code: str
) -> None:
    pair(owner, staged, code)
    player = signage.selectors.players(operator_id=operator.id).get()

    seen = []
    for ago in (timedelta(minutes=1), timedelta(minutes=10)):
        signage.services.touch(operator_id=operator.id, player_id=player.id, at=timezone.now() - ago)
        page = owner.get("/screens/table").content.decode()
        seen.append("online" if "</span>online" in page else "silent" if "</span>silent" in page else "")

    assert seen == ["online", "silent"]


def test_the_list_costs_the_same_queries_however_many_screens(
    owner: Client, staged: Staged, operator: Operator, queries: Callable[[Client, str], int]
) -> None:
    before = queries(owner, "/screens/table")
    for number in range(5):
        signage.services.add_screen(
            operator_id=operator.id, venue_id=staged["venue"].id, name=f"Screen {number}", actor="system:test"
        )  # fmt: skip

    assert queries(owner, "/screens/table") == before
    assert before <= 13


def test_without_screens_the_page_says_what_to_do(owner: Client) -> None:
    page = owner.get("/screens").content.decode()

    assert "No screens yet" in page
    assert "POST /v1/venues" in page
