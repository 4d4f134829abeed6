"""From consent at the kiosk to a screen that knows the person, and back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from decisions.models import Decision, DecisionViewer
from identities.models import Template
from subjects.models import Consent, Subject

pytestmark = pytest.mark.e2e
Eventually = Callable[[Page, Callable[[], bool]], None]


@pytest.fixture
def receipt(kiosk: Callable[..., Page], camera: Callable[..., Path]) -> Page:
    """The receipt of a person who agreed to be recognised and served, with their face."""
    page = kiosk(camera=camera("statesman"))
    page.get_by_label("Recognise me").check()
    page.get_by_label("Choose for me").check()
    page.get_by_role("button", name="Continue to the picture").click()
    page.get_by_label("Member of staff").check()
    page.get_by_role("button", name="Agree and take the picture").click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open the receipt").click()
    return opened.value


def people(world: Any) -> dict[str, int]:
    """Count everything that is about people."""
    with world.scope():
        return {table.__name__: table.objects.count() for table in (Subject, Consent, Template, DecisionViewer)}


def state(page: Page) -> Any:
    """Return the state of the player, to expect things of."""
    return expect(page.locator("vitrine-player"))


def recognise(page: Page) -> None:
    """Ask to be recognised."""
    page.get_by_role("button", name="Recognise me").click()


def test_an_enrolled_person_is_recognised_and_served_personally(
    receipt: Page, player: Callable[..., Page], camera: Callable[..., Path], world: Any, eventually: Eventually
) -> None:
    page = player(camera=camera("statesman_again"))

    recognise(page)

    state(page).to_have_attribute("data-viewer", "recognised")
    state(page).to_have_attribute("data-basis", "personal")
    expect(page.locator("[data-part=video]")).to_be_hidden()
    assert page.evaluate("document.querySelector('[data-part=video]').srcObject") is None
    with world.scope():
        personal = Decision.objects.filter(basis="personal").latest("at")
        assert personal.purposes == ["recognise", "personalise"]
        assert personal.audience["recognised"] == 1


def test_a_stranger_stays_anonymous_and_leaves_nothing(
    receipt: Page, player: Callable[..., Page], camera: Callable[..., Path], world: Any
) -> None:
    page = player(camera=camera("stranger"))
    before = people(world)

    recognise(page)

    state(page).to_have_attribute("data-viewer", "anonymous")
    expect(page.locator("[data-part=message]")).to_contain_text("You are anonymous here. Nothing was kept.")
    page.wait_for_timeout(2_500)
    state(page).to_have_attribute("data-basis", "contextual")
    assert people(world) == before
    with world.scope():
        assert not Decision.objects.exclude(basis="contextual").exists()


def test_after_a_withdrawal_on_the_portal_the_person_is_a_stranger(
    receipt: Page, player: Callable[..., Page], camera: Callable[..., Path], world: Any
) -> None:
    page = player(camera=camera("statesman_again"))
    recognise(page)
    state(page).to_have_attribute("data-viewer", "recognised")

    receipt.get_by_role("button", name="Withdraw everything").click()
    expect(receipt.get_by_text("Nothing is agreed to any more.")).to_be_visible()
    recognise(page)

    state(page).to_have_attribute("data-viewer", "anonymous")
    state(page).to_have_attribute("data-basis", "contextual")
    assert people(world)["Template"] == 0


def test_a_code_is_as_good_as_a_face(player: Callable[..., Page], world: Any) -> None:
    token = world.register("personalise").loyalty_token
    page = player()

    page.keyboard.type(token)
    page.keyboard.press("Enter")

    state(page).to_have_attribute("data-viewer", "recognised")
    state(page).to_have_attribute("data-basis", "personal")
    with world.scope():
        assert Decision.objects.filter(basis="personal").latest("at").purposes == ["personalise"]


def test_an_unknown_code_is_refused_in_plain_words(player: Callable[..., Page]) -> None:
    page = player()

    page.keyboard.type("vtl_nobody-has-this-code")
    page.keyboard.press("Enter")

    expect(page.locator("[data-part=message]")).to_contain_text("This token names nobody")
    state(page).not_to_have_attribute("data-viewer", "recognised")


def test_nobody_before_the_camera_is_told_so(player: Callable[..., Page], camera: Callable[..., Path]) -> None:
    page = player(camera=camera(None))

    recognise(page)

    expect(page.locator("[data-part=message]")).to_contain_text("no face")
