import json

import httpx
import pytest

from demo.player import Player, Refused, engagement_of, play_of, stamp

DECISION = {"decision": "dec_1"}
ITEM = {"position": 2, "creative": "crv_1", "duration_ms": 8000}


@pytest.fixture
def requests():
    """The requests that were sent."""
    return []


@pytest.fixture
def talk(requests):
    """Return a player whose server answers as told."""

    def make(*answers, token="vtd_secret"):
        left = list(answers)

        def answer(request):
            requests.append(request)
            return left.pop(0)

        return Player(url="http://screen.test", token=token, transport=httpx.MockTransport(answer))

    return make


def test_a_player_sends_its_token_and_no_token_before_it_has_one(talk, requests):
    with talk(httpx.Response(200, json={})) as player, talk(httpx.Response(200, json={}), token="") as unpaired:
        player.call("GET", "/v1/player/manifest")
        unpaired.call("GET", "/v1/player/manifest")

    assert requests[0].headers["Authorization"] == "Bearer vtd_secret"
    assert "Authorization" not in requests[1].headers


def test_the_calls_of_a_visit(talk, requests):
    with talk(*[httpx.Response(200, json={"n": number}) for number in range(5)]) as player:
        player.recognise_frame(b"\xff\xd8 a frame")
        player.recognise_code("loy_1")
        player.decide(["vwr_1"], count=2)
        player.decide([], count=0, scene="lobby")
        answer = player.report([{"event_id": "e"}])

    assert [(one.method, one.url.path) for one in requests] == [
        ("POST", "/v1/recognitions"), ("POST", "/v1/recognitions"), ("POST", "/v1/decisions"),
        ("POST", "/v1/decisions"), ("POST", "/v1/events"),
    ]  # fmt: skip
    assert b'name="frame"; filename="frame.jpg"\r\nContent-Type: image/jpeg' in requests[0].content
    assert [json.loads(one.content) for one in requests[1:4]] == [
        {"token": "loy_1"},
        {"viewers": ["vwr_1"], "audience": {"count": 2}},
        {"viewers": [], "audience": {"count": 0}, "scene": "lobby"},
    ]
    assert json.loads(requests[4].content).keys() == {"sent_at", "events"}
    assert answer.body == {"n": 4}


def test_an_answer_says_how_long_the_server_took(talk):
    timing = {"Server-Timing": "rank;dur=1.50, app;dur=12.25"}
    with talk(httpx.Response(200, json={}, headers=timing), httpx.Response(200, json={})) as player:
        told, silent = player.decide([], count=0), player.decide([], count=0)

    assert told.server_ms == 12.25
    assert told.elapsed_ms >= 0
    assert silent.server_ms != silent.server_ms  # not a number


def test_a_problem_is_raised_with_its_members(talk):
    problem = {"status": 409, "code": "nothing_eligible", "detail": "Nothing fits.", "request_id": "req_1"}
    with (
        talk(httpx.Response(409, json=problem)) as player,
        pytest.raises(Refused, match="409 nothing_eligible: Noth") as e,
    ):
        player.decide([], count=0)

    assert e.value.problem == problem


@pytest.mark.parametrize("answer", [httpx.Response(502, text="Bad gateway"), httpx.Response(500, json=["x"])])
def test_an_error_of_something_in_between_is_raised_too(talk, answer):
    with talk(answer) as player, pytest.raises(Refused) as refused:
        player.decide([], count=0)

    assert refused.value.problem["status"] == answer.status_code


def test_a_play_and_an_engagement_name_their_place():
    play, dwell = play_of(DECISION, ITEM), engagement_of(DECISION, ITEM, kind="dwell", value=6.5)

    assert play["event_id"] != dwell["event_id"]
    assert {name: play[name] for name in ("kind", "decision", "position", "duration_ms")} == {
        "kind": "play", "decision": "dec_1", "position": 2, "duration_ms": 8000,
    }  # fmt: skip
    assert {name: dwell[name] for name in ("kind", "decision", "position", "value")} == {
        "kind": "dwell", "decision": "dec_1", "position": 2, "value": 6.5,
    }  # fmt: skip


def test_a_stamp_is_a_time_in_utc():
    assert stamp().endswith("Z")
    assert len(stamp()) == len("2026-01-31T12:00:00.000Z")
