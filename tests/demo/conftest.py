"""An operator like the demonstration's, and clients that speak to the application in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.core.wsgi import get_wsgi_application

import subjects.services
from accounts.services import create_operator
from core.tenancy import operator_scope
from demo import catalogue, stage
from demo.player import Player

Connect = Callable[[str], Player]


@pytest.fixture
def own_state(settings: Any, tmp_path: Path) -> None:
    """Keep media and keys out of the checkout's state directory."""
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def cinema(transactional_db: None, own_state: None, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """A committed operator with the demonstration's places and catalogue, its posters drawn small, and a notice."""
    monkeypatch.setattr("demo.artwork.SIZE", (160, 90))
    operator = create_operator(name="A cinema", slug="a-cinema")
    with operator_scope(operator.id):
        stage.build_places(operator.id)
        stage.build_catalogue(operator.id)
        subjects.services.publish_notice(operator_id=operator.id, title="Notice", text=catalogue.NOTICE_TEXT)
    return operator.id


@pytest.fixture
def connect() -> Connect:
    """Returns a player's client for a token, over WSGI."""
    transport = httpx.WSGITransport(app=get_wsgi_application())
    return lambda token: Player(url="http://127.0.0.1", token=token, transport=transport)
