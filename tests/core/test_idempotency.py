import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory

import catalog.services
from accounts.models import Operator
from accounts.roles import Scope
from accounts.services import create_operator, issue_api_key
from catalog.models import Advertiser
from core import idempotency
from core.models import Reply
from core.tenancy import operator_scope

KEY = "one-key-for-all"


@pytest.fixture
def tenant(transactional_db: None) -> Operator:
    """An operator whose rows are committed."""
    return create_operator(name="Harbour Retail", slug="harbour-retail")


@pytest.fixture
def token(tenant: Operator) -> str:
    """An API key."""
    return issue_api_key(operator_id=tenant.id, name="integration", scopes=[Scope.WRITE])


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which names were to be added; each takes long enough for every other request to arrive meanwhile."""
    names: list[str] = []
    add_advertiser = catalog.services.add_advertiser

    def slowly(**terms: Any) -> Advertiser:
        names.append(terms["name"])
        time.sleep(0.3)
        return add_advertiser(**terms)

    monkeypatch.setattr(catalog.services, "add_advertiser", slowly)
    return names


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls in threads that begin together, each with a connection of its own."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait()
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def add(token: str, name: str, key: str = KEY) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client.post("/v1/advertisers", {"name": name}, format="json", HTTP_IDEMPOTENCY_KEY=key)


def test_simultaneous_requests_with_one_key_are_done_once(tenant: Operator, token: str, entered: list[str]) -> None:
    answers = at_once(*[lambda: add(token, "Baker")] * 4)

    assert entered == ["Baker"]
    with operator_scope(tenant.id):
        assert Advertiser.objects.count() == 1
        assert Reply.objects.count() == 1
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted("Idempotent-Replayed" in answer for answer in answers) == [False, True, True, True]


def test_of_simultaneous_requests_with_one_key_and_two_bodies_one_is_done(
    tenant: Operator, token: str, entered: list[str]
) -> None:
    answers = at_once(lambda: add(token, "Baker"), lambda: add(token, "Cook"))

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(entered) == 1
    with operator_scope(tenant.id):
        assert Advertiser.objects.count() == 1


def test_other_keys_do_not_wait(tenant: Operator, token: str) -> None:
    answers = at_once(
        *[lambda number=number: add(token, f"Baker {number}", f"key-number-{number}") for number in range(4)]
    )

    assert [answer.status_code for answer in answers] == [201] * 4
    with operator_scope(tenant.id):
        assert Advertiser.objects.count() == 4


def test_a_write_that_fails_after_its_handler_leaves_neither_row_nor_reply(
    tenant: Operator, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(use: str, value: bytes) -> bytes:
        raise OSError("no entropy")

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "seal", refuse)
        with pytest.raises(OSError, match="no entropy"):
            add(token, "Baker")
    with operator_scope(tenant.id):
        assert (Advertiser.objects.count(), Reply.objects.count()) == (0, 0)

    again = add(token, "Baker")
    assert (again.status_code, "Idempotent-Replayed" in again) == (201, False)


@pytest.mark.parametrize(
    "other",
    [
        {"times": ["0", "400"], "frame": [b"one", b"two"]},
        {"times": ["100", "200"], "frame": [b"one", b"two"]},
        {"times": ["0", "200"], "frame": [b"other", b"two"]},
    ],
)
def test_every_value_of_a_repeated_field_and_every_file_counts(other: dict[str, list[Any]]) -> None:
    first = {"times": ["0", "200"], "frame": [b"one", b"two"]}

    assert idempotency._digest(form(first)) == idempotency._digest(form(first))
    assert idempotency._digest(form(first)) != idempotency._digest(form(other))


def form(fields: dict[str, list[Any]]) -> Request:
    sent = {
        name: [SimpleUploadedFile("frame.jpg", value) if isinstance(value, bytes) else value for value in values]
        for name, values in fields.items()
    }
    return Request(APIRequestFactory().post("/v1/anything", sent, format="multipart"), parsers=[MultiPartParser()])
