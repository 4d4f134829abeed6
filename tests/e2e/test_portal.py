"""The receipt portal in a browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import privacy.selectors
from subjects.receipts import url_of

pytestmark = pytest.mark.e2e


def test_a_person_withdraws_one_purpose_and_keeps_the_other(chromium: Callable[..., Page], world: Any) -> None:
    page = chromium(url_of(world.register("personalise", "learn").receipt_token))

    page.get_by_role("button", name="Withdraw: Learn from me").click()

    expect(page.get_by_role("status")).to_contain_text("Withdrawn.")
    expect(page.locator("[data-purpose=learn]")).to_have_attribute("data-live", "false")
    expect(page.locator("[data-purpose=personalise]")).to_have_attribute("data-live", "true")


def test_a_person_reads_what_they_were_told_and_asks_for_their_erasure(
    chromium: Callable[..., Page], world: Any
) -> None:
    page = chromium(url_of(world.register("measure").receipt_token))
    page.get_by_text("What you were told").click()
    expect(page.get_by_text(world.notice.text)).to_be_visible()

    page.get_by_text("Erase everything about me").first.click()
    page.get_by_role("button", name="Erase everything about me").click()

    expect(page.get_by_role("heading", name="Your erasure has been asked for")).to_be_visible()
    with world.scope():
        assert privacy.selectors.requests(operator_id=world.operator_id).get().kind == "erasure"


def test_a_wrong_receipt_shows_nothing(chromium: Callable[..., Page], world: Any) -> None:
    page = chromium(url_of("vtr_somebody-elses"))

    expect(page.get_by_text("There is nothing at this address")).to_be_visible()
