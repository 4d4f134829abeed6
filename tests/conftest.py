"""Fixtures every test folder shares."""

from collections.abc import Iterator

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from accounts.models import Operator
from accounts.services import create_operator
from core.tenancy import operator_scope


@pytest.fixture(scope="session", autouse=True)
def static_files_on_demand() -> Iterator[None]:
    """Keep every new client from listing a thousand static files before its first request."""
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture
def operator(db: None) -> Iterator[Operator]:
    """An operator whose scope is entered for the whole test."""
    created = create_operator(name="Harbour Retail", slug="harbour-retail")
    with operator_scope(created.id):
        yield created


@pytest.fixture
def other_operator(db: None) -> Operator:
    """A second operator; nothing of theirs may ever be seen."""
    return create_operator(name="Rival Screens", slug="rival-screens")


@pytest.fixture
def api() -> APIClient:
    """An API client without a credential."""
    return APIClient()
