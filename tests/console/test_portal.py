"""The receipt portal: the token is the whole credential."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

import privacy.selectors
import subjects.selectors
from accounts.models import Operator

Staged = dict[str, Any]


def purposes(operator: Operator, staged: Staged) -> set[str]:
    """Return what the staged subject consents to now."""
    live = subjects.selectors.live_purposes(
        operator_id=operator.id, subject_ids=[staged["subject"].id], venue_id=None, at=timezone.now()
    )  # fmt: skip
    return set(live.get(staged["subject"].id, ()))


@pytest.fixture
def stranger(staged: Staged) -> Client:
    """A browser in which nobody is signed in, and which sends no CSRF token."""
    return Client(enforce_csrf_checks=True)


def test_a_receipt_shows_each_consent_with_what_was_told_about_it(stranger: Client, staged: Staged) -> None:
    response = stranger.get(f"/receipt/{staged['receipt']}")

    page = response.content.decode()
    assert staged["subject"].pseudonym in page
    assert 'data-purpose="learn" data-live="true"' in page
    assert staged["notice"].purposes["learn"] in page
    assert staged["notice"].text in page
    assert 'data-purpose="recognise"' not in page
    assert staged["subject"].public_id not in page


def test_the_page_stays_out_of_caches_search_engines_and_other_sites_logs(stranger: Client, staged: Staged) -> None:
    response = stranger.get(f"/receipt/{staged['receipt']}")

    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"] == "noindex, nofollow, noarchive"
    assert not response.cookies


def test_one_consent_is_withdrawn(
    stranger: Client, staged: Staged, operator: Operator, actions: Callable[[], list[str]]
) -> None:
    response = stranger.post(f"/receipt/{staged['receipt']}/withdrawal", {"purpose": "learn"})

    assert response["Location"] == f"/receipt/{staged['receipt']}?done=withdrawn"
    assert purposes(operator, staged) == {"personalise"}
    assert actions()[-1] == "consent.withdrawn"
    page = stranger.get(response["Location"]).content.decode()
    assert 'data-purpose="learn" data-live="false"' in page
    assert "It holds from the next decision on" in page


def test_everything_is_withdrawn(stranger: Client, staged: Staged, operator: Operator) -> None:
    stranger.post(f"/receipt/{staged['receipt']}/withdrawal", {"purpose": "all"})

    assert purposes(operator, staged) == set()
    page = stranger.get(f"/receipt/{staged['receipt']}").content.decode()
    assert "Nothing is agreed to any more." in page
    assert "Withdraw everything" not in page


@pytest.mark.parametrize("body", [{}, {"purpose": "nonsense"}])
def test_a_withdrawal_of_nothing_withdraws_nothing(
    body: dict[str, str], stranger: Client, staged: Staged, operator: Operator
) -> None:
    response = stranger.post(f"/receipt/{staged['receipt']}/withdrawal", body)

    assert response["Location"] == f"/receipt/{staged['receipt']}"
    assert purposes(operator, staged) == {"personalise", "learn"}


def test_an_erasure_is_asked_for_once(
    stranger: Client, staged: Staged, operator: Operator, actions: Callable[[], list[str]]
) -> None:
    pages: list[HttpResponse] = [stranger.post(f"/receipt/{staged['receipt']}/erasure") for _ in range(2)]

    asked = privacy.selectors.requests(operator_id=operator.id).get()
    assert (asked.kind, asked.state, asked.channel) == ("erasure", "open", "portal")
    assert all(asked.public_id in page.content.decode() for page in pages)
    assert actions().count("rights.erasure") == 1


@pytest.mark.parametrize("path", ["", "/withdrawal", "/erasure"])
def test_a_wrong_token_opens_nothing(
    path: str, stranger: Client, staged: Staged, operator: Operator, actions: Callable[[], list[str]]
) -> None:
    before, wrong = actions(), f"/receipt/{staged['receipt'][:-1]}{path}"

    response = stranger.post(wrong, {"purpose": "all"}) if path else stranger.get(wrong)

    assert response.status_code == 404
    assert purposes(operator, staged) == {"personalise", "learn"}
    assert actions() == before


@pytest.mark.parametrize("path", ["withdrawal", "erasure"])
def test_following_a_link_changes_nothing(path: str, stranger: Client, staged: Staged) -> None:
    assert stranger.get(f"/receipt/{staged['receipt']}/{path}").status_code == 405
