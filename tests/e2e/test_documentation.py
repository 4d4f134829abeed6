"""The page that shows the API."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e


def test_the_api_is_shown_with_nothing_from_elsewhere(chromium: Callable[..., Page]) -> None:
    page = chromium("/v1/docs")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()

    expect(page.get_by_role("heading", name="Vitrine API")).to_be_visible()
    expect(page.get_by_text("/v1/decisions", exact=True)).to_be_visible()
    origin = page.evaluate("location.origin")
    assert len(asked) > 3
    assert [url for url in asked if not url.startswith((origin, "data:"))] == []
