"""The console's pages: what a member may name is their own operator's, and everything else does not exist."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from core.ids import parse_public_id

NAMED = re.compile(r"<(?:ply|cmp|crv|sub|mdl|crt):(\w+)>")
SLUGS = {"<slug:state>": "paused"}


def pages(node: URLResolver, prefix: str = "/") -> Iterator[str]:
    for entry in node.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from pages(entry, path)
        elif isinstance(entry, URLPattern):
            yield path


def pages_with_names() -> list[str]:
    return [path for path in pages(get_resolver()) if not path.startswith("/v1/") and NAMED.search(path)]


def address(path: str, names: Any) -> str:
    for slug, value in SLUGS.items():
        path = path.replace(slug, value)
    return NAMED.sub(lambda found: names[found[1]], path)


@pytest.fixture
def owner(world: Any) -> Client:
    """A browser in which the first operator's owner is signed in."""
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.get(email="harbour-retail@example.org"))
    return browser


def test_every_page_about_something_of_another_operator_does_not_exist(
    owner: Client, world: Any, other_world: Any, tables: Callable[[], dict[str, str]], undone: Any
) -> None:
    before, own, foreign = tables(), {}, {}
    for path in pages_with_names():
        for method in ("get", "post"):
            with undone():
                own[path, method] = getattr(owner, method)(address(path, world.names)).status_code
            foreign[path, method] = getattr(owner, method)(address(path, other_world.names)).status_code

    assert {call: status for call, status in foreign.items() if status not in {404, 405}} == {}
    assert {call: status for call, status in own.items() if status not in {200, 302, 400, 405}} == {}
    assert all({own[path, "get"], own[path, "post"]} & {200, 302} for path in pages_with_names())
    assert len(foreign) > 15
    assert tables() == before


def test_every_page_asks_strangers_to_sign_in(world: Any, tables: Callable[[], dict[str, str]]) -> None:
    before, stranger = tables(), Client(raise_request_exception=False)

    for path in pages_with_names():
        for method in ("get", "post"):
            response = getattr(stranger, method)(address(path, world.names))

            assert response.status_code in {302, 405}, (path, method)
            assert response.status_code == 405 or response["Location"].startswith("/sign-in?next="), path
    assert tables() == before


@pytest.mark.parametrize(("form", "named"), [("pairing", "screen"), ("creative", "campaign")])
def test_a_form_that_names_something_of_another_operator_changes_nothing(
    owner: Client, world: Any, other_world: Any, tables: Callable[[], dict[str, str]], undone: Any, picture: Any,
    form: str, named: str,
) -> None:  # fmt: skip
    before = tables()

    def fill(names: Any) -> Any:
        chosen = str(parse_public_id(names[named].partition("_")[0], names[named]))
        if form == "pairing":
            return owner.post("/screens/pairings", {"code": world.names["code"], named: chosen})
        fields = {"title": "Mine", "category": "food", "seconds": "8", "audience": "public"}
        return owner.post("/creatives/new", fields | {"picture": picture(9), named: chosen})

    with undone():
        assert fill(world.names).status_code == 302
        assert tables() != before
    refused = fill(other_world.names)

    assert 200 <= refused.status_code < 500
    assert refused.status_code != 302
    assert tables() == before
