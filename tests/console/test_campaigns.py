"""Campaigns: money and states."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import catalog.services
from accounts.models import Operator

Staged = dict[str, Any]


def set_state(client: Client, staged: Staged, state: str) -> Any:
    """Press one of the buttons."""
    return client.post(f"/campaigns/{staged['campaign'].public_id}/state/{state}", follow=True)


def test_spend_is_shown_against_the_budget_in_the_currency(owner: Client, staged: Staged, operator: Operator) -> None:
    catalog.services.book_plays(
        operator_id=operator.id,
        bookings=[(staged["campaign"].id, timezone.now().astimezone(UTC).date(), 10, 312_500_000)],
    )

    page = owner.get("/campaigns").content.decode()

    assert "312.50 EUR" in page
    assert "of 1,250.00 EUR" in page
    assert 'value="25" max="100"' in page


def test_a_campaign_is_activated_paused_and_resumed(
    owner: Client, staged: Staged, actions: Callable[[], list[str]]
) -> None:
    states = []
    for state in ("active", "paused", "active"):
        set_state(owner, staged, state)
        staged["campaign"].refresh_from_db()
        states.append(staged["campaign"].state)

    assert states == ["active", "paused", "active"]
    assert actions().count("campaign.state_set") == 3


def test_what_has_ended_stays_ended_and_the_page_says_why(
    owner: Client, staged: Staged, actions: Callable[[], list[str]]
) -> None:
    set_state(owner, staged, "ended")
    before = actions()

    response = set_state(owner, staged, "active")

    staged["campaign"].refresh_from_db()
    assert staged["campaign"].state == "ended"
    assert "A campaign that is ended cannot become active." in response.content.decode()
    assert actions() == before


@pytest.mark.parametrize("state", ["draft", "gone"])
def test_an_unknown_state_does_not_exist(state: str, owner: Client, staged: Staged) -> None:
    assert set_state(owner, staged, state).status_code == 404


def test_the_list_costs_the_same_queries_however_many_campaigns(
    owner: Client, staged: Staged, operator: Operator, queries: Callable[[Client, str], int]
) -> None:
    before = queries(owner, "/campaigns")
    for number in range(5):
        catalog.services.add_campaign(
            operator_id=operator.id, advertiser_id=staged["campaign"].advertiser_id, name=f"Campaign {number}",
            starts_at=datetime(2026, 1, 1, tzinfo=UTC), ends_at=datetime(2026, 2, 1, tzinfo=UTC),
            budget_micros=1_000_000, price_micros=1_000, actor="system:test",
        )  # fmt: skip

    assert queries(owner, "/campaigns") == before
    assert before <= 12


def test_without_campaigns_the_page_says_what_to_do(owner: Client) -> None:
    assert "POST /v1/advertisers" in owner.get("/campaigns").content.decode()
