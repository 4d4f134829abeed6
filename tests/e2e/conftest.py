"""A served installation with a demo operator, and a real Chromium whose camera shows a photograph.

The server is this process (threads of Django's own server on the test database), so a test can stop and start it.
"""

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import cv2
import numpy as np
import pytest
from django.conf import settings as django_settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.utils import timezone
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
from pytest_django import Settings

import catalog.services
import identities.liveness
import identities.services
import signage.services
import subjects.services
from accounts.roles import Role
from accounts.services import add_member, create_operator
from core.tenancy import operator_scope
from identities.models import Supervision

EXECUTABLE = "/usr/bin/chromium"
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
CAMERA_FLAGS = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
EMAIL, PASSWORD = "mara@harbour.example", "correct horse battery"
ACTOR = "system:e2e"
PATIENCE = 15_000
"""Milliseconds an expectation waits on two busy cores; none of them measures anything."""

PAUSE = 200

PICTURES = {
    "statesman": "face_recognition/face_recognition-1.3.0/tests/test_images/obama.jpg",
    "statesman_again": "face_recognition/face_recognition-1.3.0/tests/test_images/obama2.jpg",
    "stranger": "face_recognition/face_recognition-1.3.0/tests/test_images/biden.jpg",
}
Rgb = NDArray[np.uint8]


class Server:
    """The web server of a test, on one port for its whole life."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._running: _Http | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._running = _Http(("127.0.0.1", self.port), _QuietHandler)
        self._running.set_app(get_wsgi_application())
        self._thread = threading.Thread(target=self._running.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop as a crash would: connections break, new ones are refused."""
        if self._running is None or self._thread is None:
            return
        self._running.shutdown()
        self._thread.join()
        self._running.server_close()
        self._running.hang_up()
        self._running = None


class _Http(ThreadedWSGIServer):
    """Knows its open connections, so that they can be broken, and waits for none of them."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.open: set[socket.socket] = set()
        self.workers: list[threading.Thread] = []

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        self.workers.append(threading.current_thread())
        super().process_request_thread(request, client_address)
        self.open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no error."""

    def hang_up(self) -> None:
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for worker in self.workers:
            worker.join(timeout=5)  # each closes its database connection as it ends


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """A test's report is no access log."""


@dataclass(frozen=True, slots=True)
class World:
    """A small operator, as a demo would set it up."""

    url: str
    operator_id: UUID
    screen_id: UUID
    kiosk_screen_id: UUID
    notice: Any

    @contextmanager
    def scope(self) -> Iterator[None]:
        """See the operator's rows."""
        with operator_scope(self.operator_id):
            yield

    def pair(self, code: str, *, kiosk: bool = False) -> None:
        """Claim the code a device shows, as a member would in the console."""
        with self.scope():
            signage.services.claim(
                operator_id=self.operator_id, code=code, actor=ACTOR, at=timezone.now(),
                screen_id=self.kiosk_screen_id if kiosk else self.screen_id,
            )  # fmt: skip

    def register(self, *purposes: str) -> Any:
        """Register somebody without a camera."""
        with self.scope():
            return subjects.services.register(
                operator_id=self.operator_id, origin="demo", notice=self.notice, purposes=purposes, channel="kiosk",
                actor=ACTOR, method="tick_box", at=timezone.now(),
            )  # fmt: skip


@pytest.fixture
def server(
    transactional_db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """The installation's web server, with files of its own."""
    serving = Server()
    settings.BASE_URL = serving.url
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.RANKING_MODELS = tmp_path / "ranking"
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    # The camera shows photographs, which is what the passive methods are there to refuse.
    monkeypatch.setattr(identities.liveness, "detector", lambda: None)
    serving.start()
    yield serving
    serving.stop()


@pytest.fixture
def world(server: Server) -> World:
    """An operator with two screens, a campaign, content of the house and a notice."""
    operator = create_operator(name="Harbour Retail", slug="harbour-retail")
    add_member(operator_id=operator.id, email=EMAIL, password=PASSWORD, role=Role.OWNER, name="Mara")
    with operator_scope(operator.id):
        common: dict[str, Any] = {"operator_id": operator.id, "actor": ACTOR}
        venue = signage.services.add_venue(
            name="Harbour Arcade", category="retail.malls", timezone="Europe/Berlin", **common
        )  # fmt: skip
        scene = signage.services.add_scene(venue_id=venue.id, key="lobby", name="Lobby", slots=3, **common)
        screens = [
            signage.services.add_screen(venue_id=venue.id, name=name, default_scene_id=scene.id, **common)
            for name in ("Lobby wall", "Kiosk at the door")
        ]
        _fill_catalogue(common)
        identities.services.supervise(operator_id=operator.id, supervision=Supervision.ATTENDED, actor=ACTOR)
        notice = subjects.services.publish_notice(
            operator_id=operator.id, title="This screen can know you, if you want it to",
            text="You choose each purpose separately and may withdraw at any time with your receipt.",
        )  # fmt: skip
    return World(server.url, operator.id, screens[0].id, screens[1].id, notice)


def _fill_catalogue(common: dict[str, Any]) -> None:
    advertiser = catalog.services.add_advertiser(name="Kestrel Outfitters", **common)
    now = timezone.now()
    campaign = catalog.services.add_campaign(
        advertiser_id=advertiser.id, name="Autumn coats", starts_at=now - timedelta(days=3),
        ends_at=now + timedelta(days=20), budget_micros=2_000_000_000, daily_budget_micros=200_000_000,
        price_micros=20_000, state="active", **common,
    )  # fmt: skip
    works = (
        ("Rain has no chance", "fashion.coats", campaign.id, "public"),
        ("Fisherman's knit", "fashion.knitwear", campaign.id, "public"),
        ("Welcome to the arcade", "service", None, "public"),
        ("Step-free routes", "service", None, "public"),
        ("Member evening on Thursday", "offers.members", None, "personal"),
    )
    for number, (title, category, campaign_id, audience) in enumerate(works):
        media = catalog.services.store_media(data=poster(title, number), content_type="image/png", **common)
        creative = catalog.services.add_creative(
            title=title, category=category, duration_ms=1_500, campaign_id=campaign_id, media_id=media.id,
            audience=audience, **common,
        )  # fmt: skip
        catalog.services.approve_creative(creative_id=creative.id, **common)


def poster(title: str, number: int) -> bytes:
    """Draw a poster (PNG)."""
    colours = ("#0f6b6b", "#7a3b69", "#33658a", "#c8553d", "#2f4858")
    image = Image.new("RGB", (640, 360), colours[number % len(colours)])
    drawn = ImageDraw.Draw(image)
    drawn.ellipse((400, 40 + 20 * number, 620, 260 + 20 * number), fill="#f4d58d")
    drawn.text((40, 150), title, fill="white", font_size=42)
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def photograph() -> Callable[[str], Rgb]:
    """Return a photograph by its short name: RGB, uint8, shape (height, width, 3)."""
    carriers = Path(os.environ.get("VITRINE_STATE", Path(__file__).resolve().parents[2] / ".vitrine")) / "carriers"

    def read(name: str) -> Rgb:
        path = carriers / PICTURES[name]
        if not path.exists() or not (Path(django_settings.FACE_MODELS) / "manifest.json").exists():
            pytest.fail(f"{path} or the face models are missing: run `make models` first.")
        return np.asarray(Image.open(path).convert("RGB"))

    return read


@pytest.fixture
def camera(tmp_path: Path, photograph: Callable[[str], Rgb]) -> Callable[..., Path]:
    """Write what a camera sees as a y4m file: a photograph, blurred on demand, or an empty room."""

    def film(name: str | None, *, blur: float = 0.0) -> Path:
        room: Rgb = np.full((480, 640, 3), 100, dtype=np.uint8)
        if name is not None:
            _hang(room, photograph(name))
        if blur:
            room = cv2.GaussianBlur(room, (0, 0), blur).astype(np.uint8)
        path = tmp_path / f"camera-{name}-{blur}.y4m"
        planes = cv2.cvtColor(room, cv2.COLOR_RGB2YUV_I420).tobytes()
        path.write_bytes(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n" + (b"FRAME\n" + planes) * 10)
        return path

    return film


def _hang(room: Rgb, picture: Rgb) -> None:
    scale = min(room.shape[0] / picture.shape[0], room.shape[1] / picture.shape[1])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    fitted = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    top, left = (room.shape[0] - size[1]) // 2, (room.shape[1] - size[0]) // 2
    room[top : top + size[1], left : left + size[0]] = fitted


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver; its event loop shares the thread with the ORM."""
    if os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE") != "1":
        pytest.fail("The browser tests run by themselves: make e2e.")
    with sync_playwright() as driver:
        expect.set_options(timeout=PATIENCE)
        yield driver


Open = Callable[..., Page]


@pytest.fixture
def chromium(playwright: Playwright, server: Server) -> Iterator[Open]:
    """Open a page in a browser of its own; ``camera`` names the file its camera shows, None is no camera at all."""
    browsers: list[Browser] = []
    complaints: list[str] = []

    def opened(path: str, *, camera: Path | None = None, width: int = 1280, height: int = 720) -> Page:
        flags = [*CAMERA_FLAGS, f"--use-file-for-fake-video-capture={camera}"] if camera else []
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*FLAGS, *flags])
        browsers.append(browser)
        context = browser.new_context(viewport={"width": width, "height": height}, base_url=server.url)
        context.set_default_timeout(PATIENCE)
        if camera:
            context.grant_permissions(["camera"], origin=server.url)
        page = context.new_page()
        page.on("console", lambda message: _note(complaints, message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield opened
    for browser in browsers:
        browser.close()
    assert complaints == []


def _note(complaints: list[str], text: str) -> None:
    if "Content Security Policy" in text or "Permissions policy" in text:
        complaints.append(text)


@pytest.fixture
def sign_in() -> Callable[..., None]:
    """Fill in the sign-in page."""

    def fill(page: Page, password: str = PASSWORD) -> None:
        page.get_by_label("E-mail address").fill(EMAIL)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()

    return fill


@pytest.fixture
def console(chromium: Open, world: World, sign_in: Callable[..., None]) -> Page:
    """The console, with the owner signed in."""
    page = chromium("/", width=1440, height=900)
    sign_in(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


@pytest.fixture
def eventually() -> Callable[[Page, Callable[[], bool]], None]:
    """Wait until something holds on the server's side, letting the page go on meanwhile."""

    def wait(page: Page, holds: Callable[[], bool]) -> None:
        for _ in range(PATIENCE // PAUSE):
            if holds():
                return
            page.wait_for_timeout(PAUSE)
        assert holds()

    return wait


@pytest.fixture
def code_on() -> Callable[[Page], str]:
    """Read the pairing code a device shows."""

    def read(page: Page) -> str:
        code = page.locator("[data-part=code]")
        expect(code).to_be_visible()
        expect(code).to_have_text(re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{4}$"))
        return code.inner_text()

    return read


@pytest.fixture
def player(chromium: Open, world: World, code_on: Callable[[Page], str]) -> Callable[..., Page]:
    """Open a player that is paired with the screen."""

    def opened(*, camera: Path | None = None) -> Page:
        page = chromium("/player/", camera=camera)
        world.pair(code_on(page))
        expect(page.locator("vitrine-player")).to_have_attribute("data-state", "online")
        return page

    return opened


@pytest.fixture
def kiosk(chromium: Open, world: World, code_on: Callable[[Page], str]) -> Callable[..., Page]:
    """Open a kiosk that is paired and shows the notice."""

    def opened(*, camera: Path | None = None) -> Page:
        page = chromium("/kiosk/", camera=camera, height=1000)
        world.pair(code_on(page), kiosk=True)
        expect(page.get_by_role("heading", name=world.notice.title)).to_be_visible()
        return page

    return opened
