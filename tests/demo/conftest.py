"""A cinema whose posters are plain colours, driven through the public API in this process."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.core.wsgi import get_wsgi_application
from PIL import Image
from pytest_django import Settings

import subjects.services
from accounts.roles import Scope
from accounts.services import create_operator, issue_api_key
from core.tenancy import operator_scope
from demo import catalogue, loop, stage
from demo.catalogue import Work
from demo.photographs import MissingPhotograph, Photographs
from demo.player import Player
from identities import index

Connect = Callable[[str], Player]


@pytest.fixture
def private_state(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep media and keys in a folder of the test, and the gallery index empty at its beginning."""
    settings.MEDIA_ROOT = tmp_path / "state" / "media"
    monkeypatch.setattr(index, "_index", index.Index())


@pytest.fixture
def plain_posters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw posters in no time; the real ones have tests of their own."""

    def render(work: Work) -> bytes:
        red, green, blue = hashlib.sha256(work.title.encode()).digest()[:3]
        buffer = io.BytesIO()
        Image.new("RGB", (16, 9), (red, green, blue)).save(buffer, "JPEG")
        return buffer.getvalue()

    monkeypatch.setattr(stage, "render", render)


@pytest.fixture
def photographs(settings: Settings) -> Photographs:
    """The real photographs; a test that needs them fails where they were not fetched."""
    found = Photographs(settings.CARRIERS)
    try:
        found.enrolled(), found.enrolled_again(), found.stranger()
    except MissingPhotograph as error:
        pytest.fail(f"{error} (`make models` does that.)")
    if not (settings.FACE_MODELS / "manifest.json").exists():
        pytest.fail(f"{settings.FACE_MODELS} has no models: run `make models` first.")
    return found


@pytest.fixture
def connect() -> Connect:
    """Return a client of the application in this process for a token."""
    application = get_wsgi_application()

    def open_client(token: str) -> Player:
        return Player(url="http://127.0.0.1", token=token, transport=httpx.WSGITransport(app=application))

    return open_client


@pytest.fixture
def cinema(transactional_db: None, private_state: None, plain_posters: None) -> UUID:
    """An operator with the demonstration's places and catalogue, committed, as other connections need them."""
    operator = create_operator(name="Cinema", slug="cinema")
    with operator_scope(operator.id):
        stage.build_places(operator.id)
        stage.build_catalogue(operator.id)
        subjects.services.publish_notice(
            operator_id=operator.id, title=catalogue.NOTICE_TITLE, text=catalogue.NOTICE_TEXT
        )
    return operator.id


@pytest.fixture
def player(cinema: UUID, connect: Connect) -> Player:
    """A player before the box office queue, whose scene has three slots."""
    return connect(loop.pair(operator_id=cinema, screen_name="Box office queue", connect=connect))


@pytest.fixture
def kiosk(cinema: UUID, connect: Connect) -> Player:
    """Who registers people."""
    return connect(issue_api_key(operator_id=cinema, name="kiosk", scopes=[Scope.SUBJECTS, Scope.KIOSK]))


@pytest.fixture
def said() -> list[str]:
    """What was printed, to be appended to."""
    return []


@pytest.fixture
def picture_size() -> Callable[[bytes], tuple[Any, tuple[int, int]]]:
    """Return a picture's format and size."""

    def look(data: bytes) -> tuple[Any, tuple[int, int]]:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return image.format, image.size

    return look
