"""Events over HTTP."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from core.times import utc
from events.models import Engagement, Play

URL = "/v1/events"


@pytest.fixture
def slate(place):
    """A decision of just now."""
    place.creative("Bread")
    return place.decide(at=timezone.now() - timedelta(seconds=30))


def report(player, events, **more):
    return player.post(URL, {"events": events} | more, format="json")


def test_a_batch_is_answered_event_by_event(player, events, slate):
    play, wrong = events.play(slate), {"event_id": "7", "kind": "wave"}

    response = report(player, [play, wrong, play], sent_at=utc(timezone.now()))

    assert response.status_code == 200
    first, second, third = response.json()["results"]
    assert first == {"event_id": play["event_id"], "status": "accepted"}
    assert (second["event_id"], second["status"], second["code"]) == ("7", "rejected", "wrong_shape")
    assert third == {"event_id": play["event_id"], "status": "duplicate"}
    assert Play.objects.count() == 1


def test_an_empty_batch_is_fine(player):
    assert report(player, []).json()["results"] == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["events"]),
        ({"events": {}}, ["events"]),
        ({"events": [], "mood": 1}, ["mood"]),
    ],
)
def test_a_body_of_the_wrong_shape_is_malformed(player, body, fields):
    response = player.post(URL, body, format="json")

    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    assert [error["field"] for error in response.json()["errors"]] == fields


@pytest.mark.parametrize("sent_at", ["yesterday", 7, "2026-11-22T10:00:00"])
def test_a_sending_time_without_sense_is_malformed(player, events, slate, sent_at):
    response = report(player, [events.play(slate)], sent_at=sent_at)

    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    assert not Play.objects.exists()


def test_a_batch_too_large_is_refused_as_a_whole(player, events, slate):
    response = report(player, [events.engagement(slate) for _ in range(501)])

    assert (response.status_code, response.json()["code"]) == (413, "batch_too_large")
    assert not Engagement.objects.exists()


def test_only_a_player_reports(api, events, slate):
    assert report(api, [events.play(slate)]).status_code == 401
    assert not Play.objects.exists()


def test_nothing_is_acknowledged_when_it_cannot_be_kept(player, events, slate, monkeypatch):
    def broken(*args, **kwargs):
        raise IntegrityError("no space left")

    player.raise_request_exception = False
    monkeypatch.setattr("events.ledger.write_engagements", broken)
    response = report(player, [events.play(slate), events.engagement(slate)])
    monkeypatch.undo()

    assert response.status_code == 500
    assert "results" not in response.json()
    assert not Play.objects.exists()
    assert [one["status"] for one in report(player, [events.play(slate)]).json()["results"]] == ["accepted"]


def test_without_the_database_nothing_is_acknowledged(player, events, slate, monkeypatch):
    def down(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", down)
    response = report(player, [events.play(slate)])
    monkeypatch.undo()

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert response.headers["Retry-After"] == "5"
    assert not Play.objects.exists()


def test_redis_is_not_needed(player, events, slate, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert report(player, [events.play(slate)]).json()["results"][0]["status"] == "accepted"


def test_a_body_that_is_too_large_is_refused(player):
    response = report(player, ["x" * 2**21, str(uuid4())])

    assert (response.status_code, response.json()["code"]) == (413, "too_large")
