"""The challenge at an unattended kiosk: a made person who follows the screen, and a photograph that does not."""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

import identities.liveness
from core.tenancy import operator_scope
from faceid.liveness.challenge import Colour
from faceid.liveness.detector import Verdict
from faceid.liveness.performance import LIGHT, YAW
from faceid.liveness.sitter import Moment, Sitter
from identities.models import Supervision, Template
from identities.pipelines import pipeline
from identities.services import supervise
from subjects.models import Consent, Subject

pytestmark = pytest.mark.e2e
Rgb = NDArray[np.uint8]

FOLLOWER = """
const pictures = %s, drawn = {};
for (const [name, source] of Object.entries(pictures)) { drawn[name] = new Image(); drawn[name].src = source; }
const acts = {left: "left", right: "right", "both eyes": "closed", closer: "nearer"};
let asked = "", since = 0;
function pose() {
  const prompt = document.querySelector("[data-part=prompt]")?.textContent ?? "";
  const colour = document.querySelector("[data-part=stage]")?.style.backgroundColor ?? "";
  if (prompt !== asked) { asked = prompt; since = performance.now(); }
  if (colour in pictures) return colour;
  const act = Object.keys(acts).find((word) => prompt.includes(word));
  const time = performance.now() - since;
  return act && time > 900 && time < 2700 ? acts[act] : "still";
}
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 400;
  const draw = () => canvas.getContext("2d").drawImage(drawn[pose()], 0, 0);
  await Promise.all(Object.values(drawn).map((picture) => picture.decode()));
  draw();
  setInterval(draw, 30);
  return canvas.captureStream(30);
};
"""
"""A camera before which a person does what the page asks and reflects its colours, from pictures made beforehand."""


@pytest.fixture
def unattended(world: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The world, whose operator enrols without staff; passive methods find everybody alive."""
    verdict = Verdict(0.9, True, 0.5, (), ())
    monkeypatch.setattr(
        identities.liveness, "detector", lambda: SimpleNamespace(judge=lambda capture, policy, extra: verdict)
    )
    with operator_scope(world.operator_id):
        supervise(operator_id=world.operator_id, supervision=Supervision.UNATTENDED, actor="system:e2e")
    return world


@pytest.fixture
def follower(photograph: Callable[[str], Rgb]) -> str:
    """The script of a person who follows the screen."""
    picture = photograph("statesman")
    side = min(picture.shape[:2])
    small = np.asarray(cv2.resize(picture[:side, :side], (400, 400), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    sitter = Sitter.of(small, pipeline().detector.faces(small)[0].landmarks)
    moments = {
        "still": Moment(), "left": Moment(yaw=YAW), "right": Moment(yaw=-YAW), "closed": Moment(closed=1.0),
        "nearer": Moment(nearer=1.4),
    }  # fmt: skip
    for colour in Colour:
        red, green, blue = colour.light
        name = f"rgb({round(255 * red)}, {round(255 * green)}, {round(255 * blue)})"
        moments[name] = Moment(light=(LIGHT * red, LIGHT * green, LIGHT * blue))
    return FOLLOWER % json.dumps({name: data_url(sitter.frame(moment)) for name, moment in moments.items()})


def data_url(picture: NDArray[np.float32]) -> str:
    buffer = BytesIO()
    Image.fromarray(np.asarray(picture, dtype=np.uint8)).save(buffer, "JPEG", quality=95)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def begin(page: Page) -> None:
    """Agree to be recognised and served, and begin the challenge."""
    page.get_by_label("Recognise me").check()
    page.get_by_label("Choose for me").check()
    page.get_by_role("button", name="Continue to the picture").click()
    page.get_by_role("button", name="Agree and begin").click()


def rows(world: Any) -> tuple[int, int, int]:
    with world.scope():
        return Subject.objects.count(), Consent.objects.count(), Template.objects.count()


def test_a_person_who_follows_the_screen_is_enrolled(
    kiosk: Callable[..., Page], unattended: Any, follower: str
) -> None:
    page = kiosk()
    page.evaluate(follower)

    begin(page)

    prompt = page.locator("[data-part=prompt]")
    expect(prompt).to_be_visible()
    expect(page.get_by_role("heading", name="Thank you. Here you are called")).to_be_visible(timeout=45_000)
    expect(prompt).to_be_hidden()
    assert rows(unattended) == (1, 2, 1)


def test_a_photograph_before_the_camera_is_refused_and_a_code_goes_on(
    kiosk: Callable[..., Page], camera: Callable[..., Path], unattended: Any
) -> None:
    page = kiosk(camera=camera("statesman"))

    begin(page)

    refusal = page.locator("section[data-step=capture] [data-refusal]")
    expect(refusal).to_be_visible(timeout=45_000)
    assert "a code works as well" in refusal.inner_text()
    assert rows(unattended) == (0, 0, 0)

    page.get_by_role("button", name="go on with a code").click()

    expect(page.locator("[data-part=loyaltyToken]")).to_contain_text("vtl_")
    assert rows(unattended) == (1, 1, 0)


def test_staff_confirms_before_the_picture_is_taken(
    kiosk: Callable[..., Page], camera: Callable[..., Path], world: Any
) -> None:
    page = kiosk(camera=camera("statesman"))
    page.get_by_label("Recognise me").check()
    page.get_by_role("button", name="Continue to the picture").click()

    page.get_by_role("button", name="Agree and take the picture").click()

    expect(page.locator("section[data-step=capture] [data-refusal]")).to_contain_text("A member of staff confirms")
    assert rows(world) == (0, 0, 0)
