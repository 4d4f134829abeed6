"""The web player in a browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import catalog.selectors
from events.models import Engagement, Play

pytestmark = pytest.mark.e2e
Eventually = Callable[[Page, Callable[[], bool]], None]
HOUSE = {"Welcome to the arcade", "Step-free routes"}


def plays(world: Any) -> list[Play]:
    """Return what was reported."""
    with world.scope():
        return list(Play.objects.filter(operator_id=world.operator_id).order_by("started_at"))


def outbox(page: Page) -> list[dict[str, Any]]:
    """Return the events that wait in the browser."""
    waiting: list[dict[str, Any]] = page.evaluate("JSON.parse(localStorage.getItem('vitrine.player.outbox') || '[]')")
    return waiting


def test_a_player_shows_slates_and_its_plays_arrive(
    player: Callable[..., Page], world: Any, eventually: Eventually
) -> None:
    page = player()

    eventually(page, lambda: len(plays(world)) >= 3)

    first = plays(world)[0]
    assert first.decision_id is not None
    assert (first.screen_id, first.position) == (world.screen_id, 0)
    assert 1_000 <= first.duration_ms <= 30_000
    expect(page.locator("[data-part=frame]")).to_be_visible()
    expect(page.locator("[data-part=reasons]")).to_contain_text("No personal data was used.")
    expect(page.locator("[data-part=offline]")).to_be_hidden()


def test_a_touch_counts_as_an_engagement(player: Callable[..., Page], world: Any, eventually: Eventually) -> None:
    page = player()

    page.locator("[data-part=frame]").click()

    def touched() -> bool:
        with world.scope():
            return Engagement.objects.filter(operator_id=world.operator_id, kind="touch").count() == 1

    eventually(page, touched)


def test_what_is_shown_can_be_explained(player: Callable[..., Page]) -> None:
    page = player()
    title = page.locator("[data-part=title]").inner_text()

    with page.expect_popup() as opened:
        page.locator("[data-part=why]").click()

    why = opened.value
    expect(why.get_by_role("heading", name="You decide")).to_be_visible()
    expect(why.get_by_role("heading", level=1)).to_contain_text(title)


def test_while_the_server_is_down_the_player_goes_on_and_reports_later(
    player: Callable[..., Page], server: Any, world: Any, eventually: Eventually
) -> None:
    page = player()
    device = page.locator("vitrine-player")
    page.wait_for_function(
        "caches.open('vitrine-media').then((cache) => cache.keys()).then((keys) => keys.length >= 5)"
    )

    server.stop()

    expect(device).to_have_attribute("data-state", "offline")
    expect(page.locator("[data-part=offline]")).to_be_visible()
    page.wait_for_function("document.querySelector('[data-part=frame]').naturalWidth === 640")
    assert page.locator("[data-part=title]").inner_text() in HOUSE
    eventually(page, lambda: sum("bundle" in event for event in outbox(page)) >= 2)
    queued = {event["event_id"] for event in outbox(page)}
    before = {str(play.event_id) for play in plays(world)}

    server.start()

    expect(device).to_have_attribute("data-state", "online")
    eventually(page, lambda: queued <= {str(play.event_id) for play in plays(world)})
    assert not queued & before
    offline = [play for play in plays(world) if play.bundle]
    assert len(offline) >= 2
    with world.scope():
        house = {row.id for row in catalog.selectors.creatives(operator_id=world.operator_id) if row.title in HOUSE}
    assert {play.creative_id for play in offline} <= house
    assert {play.billed_micros for play in offline} == {0}


def test_a_bundle_with_a_wrong_signature_is_not_played(player: Callable[..., Page], server: Any) -> None:
    page = player()
    page.wait_for_function("localStorage.getItem('vitrine.player.manifest')")
    forged = page.evaluate(
        """async () => {
            const { Bundle } = await import("/static/js/player/bundle.js");
            const kept = JSON.parse(localStorage.getItem("vitrine.player.manifest"));
            const payload = JSON.parse(kept.manifest.offline.payload);
            payload.valid_until = "2999-01-01T00:00:00Z";
            kept.manifest.offline.payload = JSON.stringify(payload);
            localStorage.setItem("vitrine.player.manifest", JSON.stringify(kept));
            const bundle = new Bundle(null);
            await bundle.restore();
            return bundle.house.length;
        }"""
    )

    assert forged == 0


def test_a_player_keeps_its_pairing_across_a_reload(player: Callable[..., Page]) -> None:
    page = player()

    page.reload()

    expect(page.locator("vitrine-player")).to_have_attribute("data-state", "online")
    expect(page.locator("[data-part=pairing]")).to_be_hidden()
