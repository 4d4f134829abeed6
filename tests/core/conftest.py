"""An application of a few views that go wrong in every way."""

import sys
from types import ModuleType
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from core.problems import Conflict, Problem, Unavailable

SECRET = "the-password-of-the-database"


def door(error: Exception | None) -> Any:
    """Return a view of the REST API that raises ``error``."""

    class Door(APIView):
        authentication_classes = ()
        permission_classes = (AllowAny,)

        def get(self, request: Request) -> HttpResponse:
            if error is None:
                return HttpResponse("fine")
            raise error

    return Door.as_view()


def page(error: Exception) -> Any:
    """Return a plain view that raises ``error``."""

    def show(request: HttpRequest) -> HttpResponse:
        raise error

    return show


@pytest.fixture
def broken(settings: Settings, monkeypatch: pytest.MonkeyPatch, db: None) -> Client:
    """A client of that application, whose errors are answered instead of raised."""
    errors: dict[str, Exception] = {
        "crash": RuntimeError(SECRET),
        "lost": OperationalError(SECRET),
        "interface": InterfaceError(SECRET),
        "conflict": Conflict("Two of them.", extra={"seen": 2}, headers={"X-Seen": "2"}),
        "unavailable": Unavailable("The models load.", retry_after=7),
    }
    urls = ModuleType("broken_urls")
    vars(urls)["urlpatterns"] = [
        *(path(f"v1/{name}", door(error)) for name, error in errors.items()),
        *(path(f"v1/plain/{name}", page(error)) for name, error in errors.items()),
        *(path(f"page/{name}", page(error)) for name, error in errors.items()),
        path("v1/fine", door(None)),
    ]
    monkeypatch.setitem(sys.modules, "broken_urls", urls)
    settings.ROOT_URLCONF = "broken_urls"
    return Client(raise_request_exception=False)


@pytest.fixture
def secret() -> str:
    """What the errors say and no answer may."""
    return SECRET


@pytest.fixture
def teapot() -> type[Problem]:
    """A problem of somebody's own."""

    class Teapot(Problem):
        status = 418
        code = "teapot"
        title = "A teapot"

    return Teapot
