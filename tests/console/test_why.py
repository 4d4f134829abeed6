"""The page that explains one place of one decision."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import catalog.services
import decisions.services
import signage.services
from accounts.models import Operator
from decisions.wish import Wish

Staged = dict[str, Any]


@pytest.fixture
def link(operator: Operator, staged: Staged) -> str:
    """The path of the explanation of a decision just made."""
    common: dict[str, Any] = {"operator_id": operator.id, "actor": "system:test"}
    catalog.services.set_campaign_state(campaign_id=staged["campaign"].id, state="active", **common)
    catalog.services.approve_creative(creative_id=staged["creative"].id, **common)
    code = signage.services.start_pairing(kind="signage", remote="192.0.2.1", at=timezone.now()).code
    player = signage.services.claim(screen_id=staged["screen"].id, code=code, at=timezone.now(), **common)
    slate = decisions.services.decide(
        operator_id=operator.id, player_id=player.id, wish=Wish(people=2), at=timezone.now()
    )  # fmt: skip
    return "/why/" + slate.places[0].why_url.partition("/why/")[2]


def test_an_explanation_says_what_was_shown_why_and_who_paid(client: Client, link: str) -> None:
    page = client.get(link).content.decode()

    assert "Rain has no chance" in page
    assert "It was chosen for the place and the time. No personal data was used." in page
    assert "paid for by Kestrel" in page
    assert "2 people, 0 of them recognised" in page
    assert "your receipt" in page


def test_the_page_is_kept_private(client: Client, link: str) -> None:
    response = client.get(link)

    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"].startswith("noindex")


def test_a_changed_link_explains_nothing(client: Client, link: str) -> None:
    changed = link[:-4] + ("AAAA" if link[-4:] != "AAAA" else "BBBB")

    assert client.get(changed).status_code == 404
    assert client.get("/why/x").status_code == 404
