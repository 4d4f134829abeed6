"""The page that explains one place of one decision."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import catalog.services
import decisions.services
import signage.services
import subjects.services
from accounts.models import Operator
from decisions.wish import Wish
from identities.viewers import How, ViewerClaim, ViewerState, issue

Staged = dict[str, Any]


def shown(operator: Operator, staged: Staged, *, personal: bool, people: int) -> str:
    """Decide, and return the path of the explanation."""
    common: dict[str, Any] = {"operator_id": operator.id, "actor": "system:test"}
    catalog.services.set_campaign_state(campaign_id=staged["campaign"].id, state="active", **common)
    catalog.services.approve_creative(creative_id=staged["creative"].id, **common)
    code = signage.services.start_pairing(kind="signage", remote="192.0.2.1", at=timezone.now()).code
    player = signage.services.claim(screen_id=staged["screen"].id, code=code, at=timezone.now(), **common)
    claim = ViewerClaim(
        operator_id=operator.id, screen_id=staged["screen"].id, subject_id=staged["subject"].id, how=How.LOYALTY,
        state=ViewerState.RECOGNISED, expires_at=timezone.now() + timedelta(seconds=30),
    )  # fmt: skip
    slate = decisions.services.decide(
        operator_id=operator.id, player_id=player.id, at=timezone.now(),
        wish=Wish(people=people, viewers=(issue(claim),) if personal else ()),
    )  # fmt: skip
    return "/why/" + slate.places[0].why_url.partition("/why/")[2]


@pytest.fixture
def link(operator: Operator, staged: Staged) -> str:
    """The path of the explanation of a decision just made for nobody in particular."""
    return shown(operator, staged, personal=False, people=2)


def test_somebody_alone_is_told_about_their_past_and_about_what_it_changed(
    client: Client, operator: Operator, staged: Staged
) -> None:
    page = client.get(shown(operator, staged, personal=True, people=1)).content.decode()

    assert "What is remembered of you made no difference to speak of." in page
    assert "Without personal choices" in page
    assert "This would most likely have been shown all the same." in page
    assert "Choose for me" in page
    assert staged["subject"].pseudonym not in page


def test_beside_others_the_page_says_that_it_says_nothing(client: Client, operator: Operator, staged: Staged) -> None:
    page = client.get(shown(operator, staged, personal=True, people=3)).content.decode()

    assert 'data-why-not="not_alone"' in page
    assert "data-because" not in page


def test_after_a_withdrawal_the_page_keeps_to_place_and_time(
    client: Client, operator: Operator, staged: Staged
) -> None:
    link = shown(operator, staged, personal=True, people=1)
    subjects.services.withdraw_all(
        operator_id=operator.id, subject_id=staged["subject"].id, channel="portal", actor="x", at=timezone.now()
    )

    page = client.get(link).content.decode()

    assert 'data-why-not="ended"' in page
    assert "data-because" not in page
    assert "It fits Arcade" in page


def test_a_choice_for_nobody_in_particular_compares_nothing(client: Client, link: str) -> None:
    assert "Without personal choices" not in client.get(link).content.decode()


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
