from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from accounts.models import Operator
from accounts.roles import Scope
from core.ids import new_id, public_id
from core.tenancy import operator_scope, platform_scope
from signage.models import Pairing, Player, Scene, Screen, Venue
from signage.services import pairing as pairing_service

ClientOf = Callable[..., APIClient]
VENUE = {"name": "Harbour Market", "category": "retail.grocery", "timezone": "Europe/Berlin"}


@pytest.fixture
def editor(operator: Operator, client_of: ClientOf) -> APIClient:
    return client_of(operator, Scope.WRITE)


@pytest.fixture
def reader(operator: Operator, client_of: ClientOf) -> APIClient:
    return client_of(operator, Scope.READ)


def test_places_are_set_up_over_the_api(editor: APIClient) -> None:
    venue = editor.post("/v1/venues", VENUE, format="json")
    scene = editor.post(
        "/v1/scenes",
        {"venue": venue.json()["id"], "key": "checkout", "name": "Checkout", "criteria": {"assured_age": 16}},
        format="json",
    )
    screen = editor.post(
        "/v1/screens",
        {"venue": venue.json()["id"], "name": "Till 1", "default_scene": scene.json()["id"]},
        format="json",
    )

    assert [answer.status_code for answer in (venue, scene, screen)] == [201, 201, 201]
    assert venue.json() == VENUE | {"id": venue.json()["id"], "created_at": venue.json()["created_at"]}
    assert {name: scene.json()[name] for name in ("policy", "slots", "criteria", "active")} == {
        "policy": "retail", "slots": 3, "criteria": {"assured_age": 16}, "active": True,
    }  # fmt: skip
    assert (screen.json()["width"], screen.json()["height"]) == (1920, 1080)
    for noun, answer in (("venues", venue), ("scenes", scene), ("screens", screen)):
        assert editor.get(f"/v1/{noun}/{answer.json()['id']}").json() == answer.json()
        assert editor.get(f"/v1/{noun}").json() == {"items": [answer.json()], "next_cursor": None}


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("venues", VENUE | {"category": "shop"}, 422, "unknown_venue_category"),
        ("venues", VENUE | {"timezone": "Moon"}, 422, "unknown_timezone"),
        ("venues", {"name": "Market"}, 400, "malformed"),
        ("venues", VENUE | {"name": "x" * 121}, 400, "malformed"),
        ("venues", VENUE | {"name": {"first": "Market"}}, 400, "malformed"),
        ("screens", {"venue": "ven_nonsense", "name": "Till"}, 400, "malformed_id"),
        ("screens", {"venue": public_id("ven", UUID(int=1)), "name": "Till"}, 404, "not_found"),
        ("scenes", {"venue": public_id("ven", UUID(int=1)), "key": "a", "name": "A"}, 404, "not_found"),
        ("pairings/claims", {"code": "AAAA-AAAA", "screen": public_id("scr", UUID(int=1))}, 404, "not_found"),
    ],
)
def test_a_refusal_is_a_problem_and_changes_nothing(
    editor: APIClient, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = editor.post(f"/v1/{path}", body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert (Venue.objects.count(), Screen.objects.count(), Scene.objects.count(), Player.objects.count()) == (
        0,
        0,
        0,
        0,
    )


def test_a_scene_key_is_taken_once(editor: APIClient, scene: Scene) -> None:
    body = {"venue": public_id("ven", scene.venue_id), "key": "checkout", "name": "Again"}

    answer = editor.post("/v1/scenes", body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "scene_exists")
    assert Scene.objects.count() == 1


def test_reading_does_not_allow_writing(reader: APIClient, venue: Venue) -> None:
    assert reader.get("/v1/venues").status_code == 200
    for path, body in (("venues", VENUE), ("screens", {}), ("scenes", {}), ("pairings/claims", {})):
        answer = reader.post(f"/v1/{path}", body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert Venue.objects.count() == 1


def test_nobody_reads_without_a_credential(api: APIClient, screen: Screen) -> None:
    for path in ("venues", "screens", "scenes", f"screens/{screen.public_id}"):
        assert api.get(f"/v1/{path}").status_code == 401


def test_another_operators_places_are_not_found(
    other_operator: Operator, client_of: ClientOf, venue: Venue, screen: Screen, scene: Scene
) -> None:
    rival = client_of(other_operator, Scope.READ, Scope.WRITE)

    for path in (f"venues/{venue.public_id}", f"screens/{screen.public_id}", f"scenes/{scene.public_id}"):
        answer = rival.get(f"/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    for noun in ("venues", "screens", "scenes"):
        assert rival.get(f"/v1/{noun}").json()["items"] == []
    added = rival.post("/v1/screens", {"venue": venue.public_id, "name": "Mine"}, format="json")
    assert added.status_code == 404


def test_the_same_key_adds_a_venue_once(editor: APIClient) -> None:
    first = editor.post("/v1/venues", VENUE, format="json", headers={"Idempotency-Key": "venue-0001"})
    again = editor.post("/v1/venues", VENUE, format="json", headers={"Idempotency-Key": "venue-0001"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert Venue.objects.count() == 1


def test_a_device_is_paired_over_the_api(api: APIClient, editor: APIClient, operator: Operator, screen: Screen) -> None:
    started = api.post("/v1/players/pairings", {"kind": "kiosk"}, format="json")
    where = f"/v1/players/pairings/{started.json()['pairing']}"
    secret = {"Authorization": f"Bearer {started.json()['secret']}"}
    assert started.status_code == 201
    assert started["Cache-Control"] == "no-store"
    assert started.json()["code"][4] == "-"
    waiting = api.get(where, headers=secret)
    assert (waiting.status_code, waiting.json()["claimed"], waiting.json()["token"]) == (200, False, None)

    claim = editor.post(
        "/v1/pairings/claims", {"code": started.json()["code"], "screen": screen.public_id}, format="json"
    )
    delivered = api.get(where, headers=secret)
    again = api.get(where, headers=secret)

    assert (claim.status_code, claim.json()["kind"], claim.json()["screen"]) == (201, "kiosk", screen.public_id)
    assert delivered.json()["claimed"]
    assert delivered.json()["token"].startswith("vtd_")
    assert delivered["Cache-Control"] == "no-store"
    assert (delivered.json()["player"], delivered.json()["screen"]) == (claim.json()["id"], screen.public_id)
    assert (again.status_code, again.json()["code"]) == (409, "pairing_collected")
    with operator_scope(operator.id):
        assert Player.objects.get().public_id == claim.json()["id"]


def test_a_pairing_is_signage_unless_told(api: APIClient, operator: Operator) -> None:
    api.post("/v1/players/pairings", {}, format="json")

    with platform_scope():
        assert Pairing.objects.get().kind == "signage"


@pytest.mark.parametrize("body", [{"kind": "toaster"}, {"kind": 7}, []])
def test_a_malformed_pairing_is_refused(api: APIClient, operator: Operator, body: Any) -> None:
    answer = api.post("/v1/players/pairings", body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    with platform_scope():
        assert Pairing.objects.count() == 0


def test_only_the_secret_opens_a_pairing(api: APIClient, operator: Operator) -> None:
    started = api.post("/v1/players/pairings", {}, format="json").json()
    where = f"/v1/players/pairings/{started['pairing']}"

    nothing = api.get(where)
    wrong = api.get(where, headers={"Authorization": "Bearer nonsense"})
    unknown = api.get(
        f"/v1/players/pairings/{public_id('pair', new_id())}", headers={"Authorization": f"Bearer {started['secret']}"}
    )

    assert (nothing.status_code, nothing.json()["code"]) == (401, "unauthenticated")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_pairing_secret")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_pairing")


def test_unknown_claimed_and_expired_codes_answer_differently(
    api: APIClient, editor: APIClient, screen: Screen
) -> None:
    def claim(code: str) -> tuple[int, str]:
        answer = editor.post("/v1/pairings/claims", {"code": code, "screen": screen.public_id}, format="json")
        return answer.status_code, answer.json().get("code")

    used = api.post("/v1/players/pairings", {}, format="json").json()["code"]
    late = api.post("/v1/players/pairings", {}, format="json").json()["code"]
    claim(used)
    with platform_scope():
        Pairing.objects.filter(code=late.replace("-", "")).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert claim("AAAA-AAAA") == (404, "unknown_pairing")
    assert claim(used) == (409, "pairing_claimed")
    assert claim(late) == (409, "pairing_expired")
    assert Player.objects.count() == 1


def test_a_flood_of_pairings_is_told_when_to_come_back(
    api: APIClient, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing_service, "OPEN_PER_REMOTE", 1)
    api.post("/v1/players/pairings", {}, format="json")

    refused = api.post("/v1/players/pairings", {}, format="json", headers={"X-Forwarded-For": "198.51.100.9"})
    elsewhere = api.post("/v1/players/pairings", {}, format="json", REMOTE_ADDR="198.51.100.9")

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_pairings")
    assert 1 <= int(refused["Retry-After"]) <= 601
    assert elsewhere.status_code == 201


def test_a_trusted_proxy_tells_addresses_apart(
    api: APIClient, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing_service, "OPEN_PER_REMOTE", 1)
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 1, raising=False)

    answers = [
        api.post("/v1/players/pairings", {}, format="json", headers={"X-Forwarded-For": address}).status_code
        for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1")
    ]

    assert answers == [201, 201, 429]
