"""The overview's live numbers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import catalog.services
import decisions.services
import identities.thresholds
import signage.services
from accounts.models import Operator
from decisions.wish import Wish

Staged = dict[str, Any]


def test_decisions_and_audiences_of_today_are_counted(owner: Client, staged: Staged, operator: Operator) -> None:
    common: dict[str, Any] = {"operator_id": operator.id, "actor": "system:test"}
    catalog.services.set_campaign_state(campaign_id=staged["campaign"].id, state="active", **common)
    catalog.services.approve_creative(creative_id=staged["creative"].id, **common)
    code = signage.services.start_pairing(kind="signage", remote="192.0.2.1", at=timezone.now()).code
    player = signage.services.claim(screen_id=staged["screen"].id, code=code, at=timezone.now(), **common)
    for people in (2, 3):
        decisions.services.decide(
            operator_id=operator.id, player_id=player.id, wish=Wish(people=people), at=timezone.now()
        )  # fmt: skip
    signage.services.touch(operator_id=operator.id, player_id=player.id, at=timezone.now())

    context = owner.get("/overview/numbers").context

    assert context["activity"].decisions == 2
    assert (context["people"], context["recognised_share"]) == (5, 0.0)
    assert (context["online"], context["screens"]) == (1, 1)
    assert ("Learn from me", 1) in context["consents"]


def test_an_empty_installation_shows_dashes_and_what_to_do(owner: Client) -> None:
    page = owner.get("/").content.decode()

    assert "No plays yet today" in page
    assert "Add a screen through the API" in page
    assert "Train the first one" in page
    assert "Nothing was done yet." in page


def test_the_parts_refresh_themselves(owner: Client) -> None:
    page = owner.get("/").content.decode()

    assert 'hx-get="/overview/numbers" hx-trigger="every 5s"' in page
    assert 'hx-get="/overview/entries" hx-trigger="every 15s"' in page


def test_refreshing_costs_few_queries_whatever_has_happened(
    owner: Client, staged: Staged, queries: Callable[[Client, str], int]
) -> None:
    assert queries(owner, "/overview/numbers") <= 19


def test_the_overview_says_when_it_is_time_to_calibrate(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "calibrate_faces" not in owner.get("/").content.decode()

    monkeypatch.setattr(identities.thresholds, "hint", lambda *, operator_id: "The gallery has doubled.")

    page = owner.get("/").content.decode()
    assert "The gallery has doubled." in page
    assert "manage.py calibrate_faces" in page
