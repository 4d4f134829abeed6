"""The console in a browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import signage.selectors

pytestmark = pytest.mark.e2e


def test_a_member_signs_in_and_out(chromium: Callable[..., Page], world: Any, sign_in: Callable[..., None]) -> None:
    page = chromium("/campaigns", width=1440, height=900)
    sign_in(page)
    expect(page.get_by_role("heading", name="Campaigns")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", name="Sign in to the console")).to_be_visible()
    page.goto("/campaigns")
    expect(page.get_by_role("heading", name="Sign in to the console")).to_be_visible()


def test_a_wrong_password_is_refused(chromium: Callable[..., Page], world: Any, sign_in: Callable[..., None]) -> None:
    page = chromium("/sign-in")

    sign_in(page, "a guess")

    expect(page.get_by_role("alert")).to_contain_text("Please enter a correct email and password.")


def test_a_player_is_paired_by_the_code_it_shows_and_taken_off_again(
    console: Page, chromium: Callable[..., Page], world: Any, code_on: Callable[[Page], str]
) -> None:
    player = chromium("/player/")
    first = code_on(player)
    console.get_by_role("link", name="Screens").click()
    console.get_by_label("Code on the screen").fill(first.lower())
    console.get_by_label("Screen", exact=True).select_option(label="Harbour Arcade · Lobby wall")
    console.get_by_role("button", name="Pair", exact=True).click()

    expect(console.get_by_role("status").filter(has_text="now drives Lobby wall")).to_be_visible()
    expect(player.locator("vitrine-player")).to_have_attribute("data-state", "online")

    console.get_by_role("button", name="Unpair").click()
    dialogue = console.get_by_role("alertdialog")
    expect(dialogue).to_be_visible()
    dialogue.get_by_role("button", name="Unpair").click()

    expect(console.get_by_text("Its token no longer works; it shows a new code.")).to_be_visible()
    assert code_on(player) != first
    with world.scope():
        assert signage.selectors.players(operator_id=world.operator_id).get().unpaired_at is not None


def test_a_wrong_code_is_explained(console: Page) -> None:
    console.goto("/screens")
    console.get_by_label("Code on the screen").fill("ZZZZ-2222")
    console.get_by_role("button", name="Pair", exact=True).click()

    expect(console.get_by_role("alert")).to_contain_text("No device shows this code.")
    expect(console.get_by_label("Code on the screen")).to_have_value("ZZZZ-2222")


def test_the_overview_follows_what_happens_without_a_reload(console: Page, player: Callable[..., Page]) -> None:
    expect(console.locator("#numbers")).to_have_attribute("data-decisions", "0")
    expect(console.locator("vitrine-chart canvas")).to_be_visible()

    player()

    expect(console.locator("#numbers")).not_to_have_attribute("data-decisions", "0")
    expect(console.locator("vitrine-chart canvas")).to_be_visible()
    assert console.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_a_dialogue_stays_open_while_parts_refresh_and_can_be_cancelled(
    console: Page, player: Callable[..., Page]
) -> None:
    player()
    console.goto("/screens")
    console.get_by_role("button", name="Unpair").click()

    console.evaluate("htmx.trigger('#screens', 'refresh'); htmx.ajax('GET', '/screens/table', '#screens')")
    console.wait_for_timeout(500)

    dialogue = console.get_by_role("alertdialog")
    expect(dialogue).to_be_visible()
    dialogue.get_by_role("button", name="Cancel").click()
    expect(dialogue).to_be_hidden()


def test_a_campaign_is_paused_and_a_subject_loses_a_consent_at_the_press_of_a_button(console: Page, world: Any) -> None:
    pseudonym = world.register("personalise", "learn").subject.pseudonym
    console.goto("/campaigns")
    console.get_by_role("button", name="Pause").click()
    expect(console.get_by_text("Autumn coats is paused")).to_be_visible()

    console.goto("/subjects")
    console.get_by_role("link", name=pseudonym).click()
    console.get_by_role("button", name="Withdraw all").first.click()
    console.get_by_role("alertdialog").get_by_role("button", name="Withdraw all").click()

    expect(console.get_by_text(f"Withdrawn for {pseudonym}")).to_be_visible()
    expect(console.get_by_role("button", name="Withdraw")).to_have_count(0)


def test_the_console_works_without_scripts(console: Page, chromium: Callable[..., Page]) -> None:
    state = console.context.storage_state()
    context = console.context.browser.new_context(java_script_enabled=False, storage_state=state)  # type: ignore[union-attr]
    page = context.new_page()
    page.goto(console.url)

    page.get_by_role("link", name="Campaigns").click()
    page.get_by_role("button", name="End", exact=True).click()
    page.get_by_role("alertdialog").get_by_role("button", name="End it").click()

    expect(page.get_by_text("Autumn coats has ended and stays ended.")).to_be_visible()
