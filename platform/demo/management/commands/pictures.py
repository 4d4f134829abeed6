"""``manage.py pictures``: take the README's pictures of a running demo, as its member sees it."""

import io
import re
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from PIL import Image
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from demo.catalogue import MEMBER_EMAIL
from servers.state import open_state

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000
SETTLED_MS = 1_500
"""Live pages never fall silent: charts and pictures get this long to draw themselves."""
PLAYED_MS = 12_000
"""What the player plays before the console is looked at."""
LARGEST_BYTES = 300_000
WIDE, STAGE = (1440, 900), (1280, 720)
PAGES = (("console", "/"), ("screens", "/screens"), ("models", "/models"))
CODE = re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{4}$")


class Command(BaseCommand):
    """Drive Chromium against the demo and write five PNG files."""

    help = "Take the README's pictures of the running demo: console, screens, models, player, kiosk."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the options."""
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the demo serves")
        parser.add_argument("--out", type=Path, default=Path("docs/pictures"), help="folder of the pictures")
        parser.add_argument("--email", default=MEMBER_EMAIL, help="who signs in")
        parser.add_argument("--password", help="default: the demo's own, from its state directory")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take the pictures.

        Raises:
            CommandError: the demo does not serve there, or a page does not come up.
        """
        out: Path = options["out"]
        out.mkdir(parents=True, exist_ok=True)
        password = options["password"] or open_state().secret("demo_password")
        expect.set_options(timeout=PATIENCE_MS)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                self._take(browser, options["url"].rstrip("/"), options["email"], password, out)
                browser.close()
        except (Error, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise CommandError(f"{reason}. Is `make demo` running at {options['url']}?") from error

    def _take(self, browser: Browser, url: str, email: str, password: str, out: Path) -> None:
        console = open_page(browser, url, WIDE)
        sign_in(console, email, password)
        with paired(console, open_page(browser, f"{url}/player/", STAGE), "Web player") as player:
            expect(player.locator("vitrine-player")).to_have_attribute("data-state", "online")
            player.wait_for_timeout(PLAYED_MS)
            self._write(player, out / "player.png")
            with paired(console, open_page(browser, f"{url}/kiosk/", WIDE), "Consent kiosk") as kiosk:
                expect(kiosk.get_by_role("checkbox").first).to_be_visible()
                self._write(kiosk, out / "kiosk.png")
                for name, path in PAGES:
                    console.goto(f"{url}{path}")
                    self._write(console, out / f"{name}.png")

    def _write(self, page: Page, path: Path) -> None:
        page.wait_for_timeout(SETTLED_MS)
        content = compressed(page.screenshot())
        path.write_bytes(content)
        self.stdout.write(f"{path} ({len(content) // 1000} kB)")


def open_page(browser: Browser, address: str, size: tuple[int, int]) -> Page:
    """Open an address in a browser context of its own; ``size`` is in pixels."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(address)
    return page


def sign_in(page: Page, email: str, password: str) -> None:
    """Sign in at the page that asks for it."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


@contextmanager
def paired(console: Page, device: Page, name: str) -> Iterator[Page]:
    """Pair a device with the first screen through the console; take it off again afterwards."""
    code = device.locator("[data-part=code]")
    expect(code).to_have_text(CODE)
    _screens(console)
    console.get_by_label("Code on the screen").fill(code.inner_text())
    console.get_by_label("Name of the player").fill(name)
    console.get_by_role("button", name="Pair", exact=True).click()
    expect(console.get_by_role("status").filter(has_text=name)).to_be_visible()
    try:
        yield device
    finally:
        device.context.close()
        _screens(console)
        console.get_by_role("button", name=f"Unpair {name}", exact=True).click()
        console.get_by_role("alertdialog").get_by_role("button", name="Unpair").click()
        expect(console.get_by_role("status").filter(has_text=f"{name} is unpaired")).to_be_visible()


def compressed(content: bytes) -> bytes:
    """Return a PNG in its own colours when that is small enough, else in 256, 128 or 64 of them."""
    with Image.open(io.BytesIO(content)) as opened:
        picture = opened.convert("RGB")
    smaller = _png(picture)
    for colours in (256, 128, 64):
        if len(smaller) <= LARGEST_BYTES:
            break
        smaller = _png(picture.quantize(colours))
    return smaller


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _screens(console: Page) -> None:
    console.get_by_role("link", name="Screens", exact=True).click()
    expect(console.get_by_role("heading", name="Screens", level=1)).to_be_visible()
