"""Fixtures of the subjects' tests."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Operator, Scope
from accounts.services import issue_api_key
from subjects.services import Notice, Registration, publish_notice, register

Register = Callable[..., Registration]


@pytest.fixture
def at() -> datetime:
    """The moment at which everything of a test happens."""
    return timezone.now()


@pytest.fixture
def notice(operator: Operator) -> Notice:
    """The notice in force."""
    return publish_notice(operator_id=operator.id, title="Be known here", text="What we do with what you allow.")


@pytest.fixture
def registered(operator: Operator, notice: Notice, at: datetime) -> Register:
    """Register somebody with the given purposes."""

    def call(*purposes: str, **terms: object) -> Registration:
        values = {
            "operator_id": operator.id, "origin": "kiosk", "notice": notice, "purposes": purposes, "channel": "kiosk",
            "actor": "device:test", "method": "tick_box", "at": at, **terms,
        }  # fmt: skip
        return register(**values)  # type: ignore[arg-type]

    return call


@pytest.fixture
def client_with(api: APIClient, operator: Operator) -> Callable[..., APIClient]:
    """Give the API client a key with the given scopes."""

    def call(*scopes: str) -> APIClient:
        key = issue_api_key(operator_id=operator.id, name="test", scopes=[Scope(scope) for scope in scopes])
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return api

    return call
