"""A write sent twice is done once and answered twice: every write, with the bodies it takes."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest

from core.models import Reply
from core.sealing import unseal
from core.tenancy import operator_scope

KEY = {"HTTP_IDEMPOTENCY_KEY": "the-same-key-1"}

ELSEWHERE = {
    "start_pairing": "the device is nobody yet",
    "withdraw_by_receipt": "repeating it changes nothing",
    "recognise": "nothing is stored",
    "draw_challenge": "nothing is stored until it is answered",
    "report_events": "each event has an id of its own",
}
"""Writes that are idempotent, or need not be, without a key."""

SEEN = {"signage_player": ""}
"""Where it is noted when a player was last heard of, whatever it said."""

Body = Callable[[Mapping[str, str]], dict[str, Any]]


@pytest.fixture
def writes(bodies: dict[str, Body], picture: Any, portrait: Any) -> dict[str, tuple[Body, str]]:
    """A body of every write that honours the key, and its format."""
    forms: dict[str, Body] = {
        "store_media": lambda names: {"file": picture(7)},
        "enrol": lambda names: {
            "frame": portrait(),
            "notice": names["notice"],
            "purposes": ["recognise"],
            "attended": True,
        },
    }
    return {id: (make, "json") for id, make in bodies.items() if id not in ELSEWHERE} | {
        id: (make, "multipart") for id, make in forms.items()
    }


def post(world: Any, operation: Any, make: Body, form: str, **headers: str) -> Any:
    client = world.client(operation.credential)
    return client.post(operation.url(world.names), make(world.names), format=form, **headers)


def test_every_write_has_a_body_here(operations: Any, writes: Any) -> None:
    assert {id for id, operation in operations.items() if operation.method == "post"} == set(writes) | set(ELSEWHERE)


def test_every_write_sent_twice_is_done_once_and_answered_twice(
    operations: Any, writes: Any, world: Any, tables: Callable[[], dict[str, str]], undone: Any
) -> None:
    nothing, answers = {**tables(), **SEEN}, {}
    for id, (make, form) in writes.items():
        with undone():
            first = post(world, operations[id], make, form, **KEY)
            done = {**tables(), **SEEN}
            again = post(world, operations[id], make, form, **KEY)
            answers[id] = first.status_code

            assert 200 <= first.status_code < 300, (id, first.content)
            assert done != nothing, id
            assert {**tables(), **SEEN} == done, id
            assert (again.status_code, again.json()) == (first.status_code, first.json()), id
            assert again["Idempotent-Replayed"] == "true", id
            assert "Idempotent-Replayed" not in first, id

    assert len(answers) > 18


def test_every_write_refuses_its_key_for_another_body(
    operations: Any, writes: Any, world: Any, tables: Callable[[], dict[str, str]], undone: Any
) -> None:
    for id, (make, form) in writes.items():
        with undone():
            post(world, operations[id], make, form, **KEY)
            done = {**tables(), **SEEN}

            other = post(world, operations[id], lambda names, make=make: make(names) | {"more": "1"}, form, **KEY)

            assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused"), id
            assert {**tables(), **SEEN} == done, id


def test_a_refused_write_does_not_use_its_key_up(world: Any) -> None:
    client = world.client()
    wrong = client.post("/v1/advertisers", {}, format="json", **KEY)
    right = client.post("/v1/advertisers", {"name": "Baker"}, format="json", **KEY)

    assert (wrong.status_code, right.status_code) == (400, 201)


def test_callers_do_not_share_keys(world: Any, other_world: Any) -> None:
    first = world.client().post("/v1/advertisers", {"name": "Baker"}, format="json", **KEY)
    other = other_world.client().post("/v1/advertisers", {"name": "Baker"}, format="json", **KEY)

    assert (first.status_code, other.status_code) == (201, 201)
    assert first.json()["id"] != other.json()["id"]


def test_an_answer_is_kept_sealed(world: Any) -> None:
    body = {"notice": world.names["notice"], "purposes": ["personalise"]}
    answer = world.client().post("/v1/subjects", body, format="json", **KEY)

    with operator_scope(world.operator_id):
        kept = bytes(Reply.objects.get(key="the-same-key-1").body)
    token = answer.json()["loyalty_token"].encode()
    assert token not in kept
    assert orjson.loads(unseal("reply", kept)) == answer.json()


@pytest.mark.parametrize("key", ["", "short", "a" * 256, "with a line\tbreak", "ünïcödé-key"])
def test_a_key_of_the_wrong_shape_is_refused(world: Any, key: str, tables: Callable[[], dict[str, str]]) -> None:
    before = tables()

    response = world.client().post("/v1/advertisers", {"name": "Baker"}, format="json", HTTP_IDEMPOTENCY_KEY=key)

    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    assert tables() == before
