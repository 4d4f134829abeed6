"""The consent kiosk in a browser."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from identities.models import Template
from subjects.models import Consent, NoticeView, Subject

pytestmark = pytest.mark.e2e


def rows(world: Any) -> tuple[int, int, int]:
    """Return how many subjects, consents and templates there are."""
    with world.scope():
        return Subject.objects.count(), Consent.objects.count(), Template.objects.count()


def take_picture(page: Page) -> None:
    """Agree to be recognised and served, and take the picture."""
    page.get_by_label("Recognise me").check()
    page.get_by_label("Choose for me").check()
    page.get_by_role("button", name="Continue to the picture").click()
    page.get_by_label("Member of staff").check()
    page.get_by_role("button", name="Agree and take the picture").click()


def test_nothing_is_ticked_and_nothing_goes_on_without_a_choice(kiosk: Callable[..., Page], world: Any) -> None:
    page = kiosk()

    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(5)
    assert [box.is_checked() for box in boxes.all()] == [False] * 5
    expect(page.get_by_role("button", name="Continue")).to_be_disabled()
    with world.scope():
        assert NoticeView.objects.filter(notice_id=world.notice.id, channel="kiosk").count() >= 1


def test_a_person_agrees_is_enrolled_and_finds_their_consents_on_the_receipt(
    kiosk: Callable[..., Page], camera: Callable[..., Path], world: Any
) -> None:
    page = kiosk(camera=camera("statesman"))

    take_picture(page)

    expect(page.get_by_role("heading", name="Thank you. Here you are called")).to_be_visible()
    pseudonym = page.locator("[data-part=pseudonym]").inner_text()
    qr = page.get_by_alt_text("QR code of your receipt")
    assert qr.evaluate("(image) => image.complete && image.naturalWidth") > 0
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open the receipt").click()
    receipt = opened.value
    expect(receipt.get_by_role("heading", name=f"You are called {pseudonym}")).to_be_visible()
    live = receipt.locator("[data-live=true]")
    assert [row.get_attribute("data-purpose") for row in live.all()] == ["personalise", "recognise"]
    assert rows(world) == (1, 2, 1)


def test_the_receipt_leaves_the_kiosk_with_the_person(
    kiosk: Callable[..., Page], camera: Callable[..., Path], world: Any
) -> None:
    page = kiosk(camera=camera("statesman"))
    take_picture(page)
    expect(page.locator("[data-part=loyaltyToken]")).to_contain_text("vtl_")

    page.get_by_role("button", name="Done").click()

    expect(page.get_by_role("heading", name=world.notice.title)).to_be_visible()
    assert [box.is_checked() for box in page.get_by_role("checkbox").all()] == [False] * 5
    assert "vtl_" not in page.content()
    assert "/receipt/" not in page.content()


def test_without_consent_to_recognise_there_is_no_picture_but_a_code(kiosk: Callable[..., Page], world: Any) -> None:
    page = kiosk()
    page.get_by_label("Choose for me").check()

    page.get_by_role("button", name="Continue with a code").click()

    expect(page.locator("[data-part=loyaltyToken]")).to_contain_text("vtl_")
    assert rows(world) == (1, 1, 0)


@pytest.mark.parametrize(
    ("shown", "blur", "reason"),
    [(None, 0.0, "no face"), ("statesman", 4.0, "the face is blurred")],
    ids=["an empty room", "a blurred picture"],
)
def test_an_unusable_picture_is_refused_with_the_reason_and_leaves_nothing(
    shown: str | None, blur: float, reason: str, kiosk: Callable[..., Page], camera: Callable[..., Path], world: Any
) -> None:
    page = kiosk(camera=camera(shown, blur=blur))

    take_picture(page)

    refusal = page.locator("section[data-step=capture] [data-refusal]")
    expect(refusal).to_be_visible()
    assert reason in refusal.inner_text().lower()
    expect(page.get_by_role("button", name="Agree and take the picture")).to_be_enabled()
    assert rows(world) == (0, 0, 0)


def test_without_a_camera_the_code_is_offered(kiosk: Callable[..., Page], world: Any) -> None:
    page = kiosk()
    page.get_by_label("Recognise me").check()

    page.get_by_role("button", name="Continue to the picture").click()

    expect(page.locator("section[data-step=capture] [data-refusal]")).to_contain_text("The camera is not available.")
    page.get_by_role("button", name="Back, without a picture").click()
    assert not page.get_by_label("Recognise me").is_checked()
    assert rows(world) == (0, 0, 0)
