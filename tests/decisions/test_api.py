"""Decisions over HTTP."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import Scope
from accounts.services import issue_api_key
from core.ids import public_id
from core.tenancy import operator_scope
from decisions.models import Decision, DecisionViewer

URL = "/v1/decisions"


@pytest.fixture
def menu(place):
    """Three pieces of content."""
    return [place.creative(title) for title in ("Bread", "Cheese", "Apples")]


@pytest.fixture
def key(api, place):
    """An API client with a key of the place's operator."""

    def call(*scopes):
        token = issue_api_key(operator_id=place.operator_id, name="test", scopes=[Scope(scope) for scope in scopes])
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return api

    return call


def decide(player, body=None, **headers):
    return player.post(URL, body or {}, format="json", headers=headers)


def test_a_decision_has_all_a_player_needs(player, place, menu):
    before = timezone.now()

    response = decide(player, {"audience": {"count": 2}, "slots": 2, "criteria": {"weather": "rain"}})

    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {"decision", "scene", "at", "lease", "basis", "purposes", "model", "slate"}
    assert (answer["scene"], answer["basis"], answer["model"], answer["purposes"]) == (
        "lobby",
        "contextual",
        "uniform",
        [],
    )
    assert answer["lease"]["seconds"] == 21.0
    assert [one["position"] for one in answer["slate"]] == [0, 1]
    first = answer["slate"][0]
    assert set(first) == {
        "position", "creative", "title", "category", "duration_ms", "media", "basis", "reasons", "propensity",
        "why_url",
    }  # fmt: skip
    assert first["propensity"] == pytest.approx(1 / 3)
    assert first["media"]["content_type"] == "image/png"
    assert player.get(first["media"]["url"]).getvalue().startswith(b"\x89PNG")
    assert first["reasons"]
    assert all(reason.endswith(".") for reason in first["reasons"])
    row = Decision.objects.get()
    assert answer["decision"] == row.public_id
    assert (row.criteria, row.audience["count"]) == ({"weather": "rain"}, 2)
    assert before <= row.at <= timezone.now()


def test_the_phases_are_timed(player, menu):
    timing = decide(player).headers["Server-Timing"]

    assert [phase.split(";")[0] for phase in timing.split(", ")] == [
        "viewers", "eligible", "rank", "auction", "log", "app",
    ]  # fmt: skip


def test_a_recognised_viewer_is_decided_for_and_not_named(player, place, menu):
    subject = place.subject("recognise", "personalise", "learn")

    response = decide(player, {"viewers": [place.viewer(subject)], "audience": {"count": 1}})

    assert response.json()["basis"] == "personal"
    assert DecisionViewer.objects.get().subject_id == subject
    assert public_id("sub", subject) not in response.text
    assert str(subject) not in response.text


def test_the_whole_request_asks_a_fixed_number_of_queries(player, place, menu, django_assert_num_queries):
    viewers = [place.viewer(place.subject("recognise", "personalise")) for _ in range(2)]
    decide(player, {"viewers": viewers})

    with django_assert_num_queries(4):  # savepoint twice, credential, everything there is to know at once
        assert decide(player, {"viewers": viewers}).status_code == 200


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"scene": 7}, ["scene"]),
        ({"scene": ""}, ["scene"]),
        ({"viewers": "token"}, ["viewers"]),
        ({"viewers": ["ok", 7, ""]}, ["viewers[1]", "viewers[2]"]),
        ({"viewers": ["x"] * 17}, ["viewers"]),
        ({"audience": 2}, ["audience"]),
        ({"audience": {"count": -1}}, ["audience.count"]),
        ({"audience": {"count": True}}, ["audience.count"]),
        ({"audience": {"count": 1, "age": 30}}, ["audience.age"]),
        ({"slots": 0}, ["slots"]),
        ({"slots": 1.5}, ["slots"]),
        ({"criteria": []}, ["criteria"]),
        ({"criteria": {"weather": {"is": "rain"}}}, ["criteria.weather"]),
        ({"criteria": {"weather": "r" * 101}}, ["criteria.weather"]),
        ({"mood": "happy", "slots": "3"}, ["mood", "slots"]),
    ],
)
def test_a_body_of_the_wrong_shape_names_each_field(player, menu, body, fields):
    response = decide(player, body)

    assert response.status_code == 400
    problem = response.json()
    assert problem["code"] == "malformed"
    assert [error["field"] for error in problem["errors"]] == fields
    assert not Decision.objects.exists()


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"slots": NaN}', b"\xff"])
def test_what_is_no_json_object_is_malformed(player, menu, body):
    response = player.post(URL, body, content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (400, "malformed")


def test_an_unknown_scene_is_not_found(player, menu):
    response = decide(player, {"scene": "roof"})

    assert (response.status_code, response.json()["code"]) == (404, "unknown_scene")
    assert "lobby" in response.json()["detail"]


def test_nothing_eligible_points_to_the_offline_bundle(player, place):
    response = decide(player)

    assert (response.status_code, response.json()["code"]) == (409, "nothing_eligible")
    assert response.json()["fallback"] == "offline_bundle"


def test_an_expired_viewer_token_is_unusable(player, place, menu):
    response = decide(player, {"viewers": [place.viewer(expires_at=place.at - timedelta(seconds=1))]})

    assert (response.status_code, response.json()["code"]) == (422, "viewer_token_expired")
    assert not Decision.objects.exists()


def test_a_viewer_token_of_another_screen_or_operator_is_unusable(player, place, foreign_place, menu):
    for token in (place.viewer(screen_id=uuid4()), foreign_place.viewer(), "made up"):
        response = decide(player, {"viewers": [token]})

        assert (response.status_code, response.json()["code"]) == (422, "viewer_token_foreign")
    assert not Decision.objects.exists()


def test_only_a_player_may_ask(api, key, menu):
    assert decide(api).status_code == 401
    for scope in ("read", "write", "subjects", "models", "device"):
        assert decide(key(scope)).status_code == 403
    assert not Decision.objects.exists()


def test_the_same_idempotency_key_decides_once(player, menu):
    first = decide(player, **{"Idempotency-Key": "decision-0001"})
    again = decide(player, **{"Idempotency-Key": "decision-0001"})
    other = decide(player, {"slots": 1}, **{"Idempotency-Key": "decision-0001"})

    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert Decision.objects.count() == 1


def test_redis_is_not_needed(player, place, menu, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    subject = place.subject("recognise", "personalise")

    assert decide(player, {"viewers": [place.viewer(subject)]}).json()["basis"] == "personal"


def test_without_the_database_the_answer_says_when_to_come_back(player, menu, monkeypatch):
    def down(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", down)
    response = decide(player)
    monkeypatch.undo()

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert response.headers["Retry-After"] == "5"
    assert not Decision.objects.exists()


def test_a_decision_can_be_explained_later(player, key, place, menu):
    made = decide(player, {"slots": 2}).json()

    by_player = player.get(f"{URL}/{made['decision']}")
    by_key = key("read").get(f"{URL}/{made['decision']}")

    assert by_player.status_code == 200
    assert by_player.json() == by_key.json()
    told = by_key.json()
    assert (told["basis"], told["model"], told["policy"]) == ("contextual", "uniform", "retail")
    assert [one["reasons"] for one in told["slate"]] == [one["reasons"] for one in made["slate"]]
    assert [one["propensity"] for one in told["slate"]] == [one["propensity"] for one in made["slate"]]
    assert told["situation"]["venue_category"] == "retail.grocery"
    assert told["lease"] == made["lease"]


def test_another_operators_decision_cannot_be_read(player, place, foreign_place):
    with operator_scope(foreign_place.operator_id):
        foreign_place.creative("Rival")
        foreign = public_id("dec", foreign_place.decide().decision_id)

    for name, status in (
        (foreign, 404),
        (public_id("dec", uuid4()), 404),
        ("dec_7", 400),
        (public_id("scr", uuid4()), 400),
    ):
        assert player.get(f"{URL}/{name}").status_code == status
