"""A near-infrared frame beside the picture: liveness is judged on it, and it is kept nowhere."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

import faceid.image
from faceid.frame import require
from faceid.liveness import lamps
from faceid.liveness.capture import Capture
from faceid.liveness.sitter import Sitter
from identities import liveness
from identities.faces import pipeline
from identities.services import recognition

TRAINED = liveness.detector


def rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def upload(channel: Any, kind: str = "PNG") -> SimpleUploadedFile:
    buffer = BytesIO()
    Image.fromarray(channel).save(buffer, kind)
    return SimpleUploadedFile("infrared", buffer.getvalue(), f"image/{kind.lower()}")


@pytest.fixture
def picture(frame_of: Any) -> Any:
    return require(faceid.image.decode(frame_of("obama_again")))


@pytest.fixture
def ask(player: APIClient, frame_of: Any) -> Callable[..., Any]:
    """Send frames of somebody who is enrolled, and a near-infrared frame."""

    def call(infrared: Any, frames: int = 1) -> Any:
        given = [SimpleUploadedFile("frame.jpg", frame_of("obama_again"), "image/jpeg") for _ in range(frames)]
        return player.post("/v1/recognitions", {"frame": given, "infrared": infrared}, format="multipart")

    return call


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> list[Capture]:
    """What liveness is judged on."""
    seen: list[Capture] = []

    def judged(capture: Capture) -> liveness.Judged:
        seen.append(capture)
        return liveness.Judged(liveness.Liveness.LIVE, 0.9)

    monkeypatch.setattr(recognition, "judged", judged)
    return seen


def test_it_speaks_for_a_person_and_against_a_screen(
    enrolled: Any, ask: Any, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled("obama")
    monkeypatch.setattr(liveness, "detector", TRAINED)
    sitter = Sitter.of(picture, pipeline().detector.faces(picture)[0].landmarks)
    before = rows()

    person, screen = (
        ask(upload(channel)).json()["viewers"][0] for channel in (lamps.person(sitter), lamps.screen(picture.shape[:2]))
    )

    assert (person["liveness"], person["state"]) == ("live", "recognised")
    assert (screen["liveness"], screen["state"]) == ("suspected", "anonymous")
    assert rows() == before


@pytest.mark.parametrize("frames", [1, 3])
def test_it_belongs_to_the_last_frame(enrolled: Any, ask: Any, picture: Any, captures: Any, frames: int) -> None:
    enrolled("obama")
    grey = np.random.default_rng(1).integers(0, 256, picture.shape[:2], dtype=np.uint8)

    assert ask(upload(grey), frames).json()["viewers"][0]["state"] == "recognised"

    [capture] = captures
    assert len(capture.looks) == frames
    assert np.array_equal(capture.infrared, grey)


def test_cameras_that_write_three_equal_channels_are_understood(
    enrolled: Any, ask: Any, picture: Any, captures: Any
) -> None:
    enrolled("obama")
    grey = np.random.default_rng(1).integers(0, 256, picture.shape[:2], dtype=np.uint8)

    ask(upload(np.stack([grey] * 3, axis=2)))

    assert np.array_equal(captures[0].infrared, grey)


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("smaller", 422, "infrared_mismatch"),
        ("turned", 422, "infrared_mismatch"),
        ("no picture", 422, "not_an_image"),
        ("another type", 415, "unsupported_image_type"),
        ("words", 400, "malformed"),
        ("two", 400, "malformed"),
    ],
)
@pytest.mark.parametrize("door", ["recognise", "enrol"])
def test_what_cannot_be_one_is_refused_and_changes_nothing(
    enrolled: Any, ask: Any, kiosk: APIClient, notice: Any, frame_of: Any, picture: Any, door: str, what: str,
    status: int, code: str,
) -> None:  # fmt: skip
    enrolled("biden")
    grey = picture[..., 0]
    infrared: Any = {
        "smaller": lambda: upload(grey[::2, ::2].copy()),
        "turned": lambda: upload(grey.T[:, :-1].copy()),
        "no picture": lambda: SimpleUploadedFile("infrared", b"1234" * 99, "image/png"),
        "another type": lambda: upload(grey, "GIF"),
        "words": lambda: "near",
        "two": lambda: [upload(grey), upload(grey)],
    }[what]()
    before = rows()
    body = {
        "frame": SimpleUploadedFile("frame.jpg", frame_of("obama_again"), "image/jpeg"), "infrared": infrared,
        "notice": notice.public_id, "purposes": ["recognise"], "attended": True,
    }  # fmt: skip

    answer = ask(infrared) if door == "recognise" else kiosk.post("/v1/enrolments", body, format="multipart")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert rows() == before
