"""Takes the README's pictures of the running demo: ``make demo`` in one terminal, ``make pictures`` in another."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import django
from playwright.sync_api import Browser, sync_playwright

from servers.state import open_state
from servers.urls import environment

FOLDER = Path(__file__).parent / "pictures"
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
SETTLED_MS = 2000
"""Live pages never fall silent, so a picture waits this long after everything has loaded: charts draw themselves."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One page: the file's name, the URL's name, the window in pixels."""

    file: str
    url: str
    width: int = 1440
    height: int = 900


PICTURES = (
    Picture("console", "console:overview"),
    Picture("screens", "console:screens"),
    Picture("models", "console:models"),
)


def main() -> int:
    """Write one PNG per page; exit code 1 when the demo does not answer."""
    os.environ.update({"DJANGO_SETTINGS_MODULE": "config.settings", **environment(open_state())})
    django.setup()
    from django.conf import settings
    from django.urls import reverse

    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": owners_session(), "url": settings.BASE_URL}
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for picture in PICTURES:
            take(browser, picture, f"{settings.BASE_URL}{reverse(picture.url)}", cookie)
        browser.close()
    return 0


def owners_session() -> str:
    """Sign the demo's owner in, as their password would, and return the session's key."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from accounts.models import Member, Role
    from core.tenancy import platform_scope

    with platform_scope():
        owner = Member.objects.filter(role=Role.OWNER).select_related("user").order_by("created_at")[0].user
    session = SessionStore()
    session[SESSION_KEY] = str(owner.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = owner.get_session_auth_hash()
    session.set_expiry(600)
    session.create()
    return str(session.session_key)


def take(browser: Browser, picture: Picture, address: str, cookie: dict[str, str]) -> None:
    """Open one page as the owner and write its picture.

    Raises:
        RuntimeError: the page did not answer 200.
    """
    context = browser.new_context(viewport={"width": picture.width, "height": picture.height})
    context.add_cookies([cookie])  # type: ignore[list-item]
    page = context.new_page()
    answer = page.goto(address, wait_until="load")
    if answer is None or answer.status != 200:
        raise RuntimeError(f"{address} answered {answer.status if answer else 'nothing'}. Is `make demo` running?")
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=FOLDER / f"{picture.file}.png")
    sys.stdout.write(f"{FOLDER.name}/{picture.file}.png\n")
    context.close()


if __name__ == "__main__":
    sys.exit(main())
