from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import Operator
from accounts.roles import Scope
from core.pagination import page
from core.problems import Malformed
from signage.models import Venue
from signage.services import add_venue

NAMES = [f"Venue {number}" for number in range(5)]


@pytest.fixture
def venues(operator: Operator) -> list[Venue]:
    return [
        add_venue(operator_id=operator.id, name=name, category="retail.malls", timezone="UTC", actor="member:test")
        for name in NAMES
    ]


def test_pages_follow_each_other_newest_first(venues: list[Venue]) -> None:
    first, cursor = page(Venue.objects.all(), cursor=None, limit="2")
    second, cursor_of_third = page(Venue.objects.all(), cursor=cursor, limit="2")
    third, end = page(Venue.objects.all(), cursor=cursor_of_third, limit="2")

    assert [row.name for row in first + second + third] == NAMES[::-1]
    assert end is None


def test_a_full_last_page_has_no_next_one(venues: list[Venue]) -> None:
    rows, cursor = page(Venue.objects.all(), cursor=None, limit="5")

    assert (len(rows), cursor) == (5, None)


def test_a_row_added_meanwhile_moves_nothing(operator: Operator, venues: list[Venue]) -> None:
    _, cursor = page(Venue.objects.all(), cursor=None, limit="2")
    add_venue(operator_id=operator.id, name="New", category="retail.malls", timezone="UTC", actor="member:test")

    rows, _ = page(Venue.objects.all(), cursor=cursor, limit="2")

    assert [row.name for row in rows] == ["Venue 2", "Venue 1"]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "ten", "", "²", "1e2", "99999999"])
def test_a_limit_out_of_range_is_refused(limit: str) -> None:
    with pytest.raises(Malformed, match="limit"):
        page(Venue.objects.all(), cursor=None, limit=limit)


@pytest.mark.parametrize("cursor", ["", "!", "abc", "AAAA", "é", "A" * 500])
def test_a_cursor_that_was_not_made_here_is_refused(cursor: str) -> None:
    with pytest.raises(Malformed, match="cursor"):
        page(Venue.objects.all(), cursor=cursor, limit=None)


def test_the_api_pages_with_cursor_and_limit(
    operator: Operator, venues: list[Venue], client_of: Callable[..., APIClient]
) -> None:
    client = client_of(operator, Scope.READ)

    first = client.get("/v1/venues", {"limit": 3}).json()
    rest = client.get("/v1/venues", {"limit": 3, "cursor": first["next_cursor"]}).json()
    refused = client.get("/v1/venues", {"limit": 1000})

    assert [item["name"] for item in first["items"] + rest["items"]] == NAMES[::-1]
    assert rest["next_cursor"] is None
    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")
