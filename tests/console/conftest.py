"""An operator with members of every role, and a small installation to look at."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image
from pytest_django import Settings

import audit.selectors
import catalog.services
import signage.services
import subjects.services
from accounts.models import Operator
from accounts.roles import Role
from accounts.services import add_member
from core.tenancy import operator_scope

PASSWORD = "correct horse battery"
SignedIn = Callable[..., Client]
Actions = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, settings: Settings) -> None:
    """Keep media and models in a folder of the test, and hash passwords quickly."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.RANKING_MODELS = tmp_path / "ranking"


@pytest.fixture
def signed_in(operator: Operator) -> SignedIn:
    """Return a browser in which a member with some role is signed in."""

    def browser(role: Role = Role.OWNER, of: Operator = operator) -> Client:
        member = add_member(
            operator_id=of.id, email=f"{role.value}@{of.slug}.example", password=PASSWORD, role=role
        )  # fmt: skip
        client = Client()
        client.force_login(member.user)
        return client

    return browser


@pytest.fixture
def owner(signed_in: SignedIn) -> Client:
    """The owner's browser."""
    return signed_in(Role.OWNER)


@pytest.fixture
def actions(operator: Operator) -> Actions:
    """Return the names of what the audit log holds, oldest first."""

    def names() -> list[str]:
        return [entry.action for entry in reversed(audit.selectors.latest(operator_id=operator.id, limit=500))]

    return names


@pytest.fixture
def queries() -> Callable[[Client, str], int]:
    """Count the queries of a page, savepoints and session included."""

    def count(client: Client, path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    return count


def poster(colour: str = "#0f6b6b") -> bytes:
    """Return a small picture (PNG)."""
    buffer = BytesIO()
    Image.new("RGB", (64, 36), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def picture() -> bytes:
    """A small picture (PNG)."""
    return poster()


@pytest.fixture
def stage() -> Callable[[Operator], dict[str, Any]]:
    """Set up a venue, a screen, a campaign, two creatives, a notice and a subject for an operator."""

    def build(owned_by: Operator) -> dict[str, Any]:
        with operator_scope(owned_by.id):
            return _build(owned_by)

    return build


@pytest.fixture
def staged(operator: Operator, stage: Callable[[Operator], dict[str, Any]]) -> dict[str, Any]:
    """What ``stage`` set up for the operator."""
    return stage(operator)


def _build(operator: Operator) -> dict[str, Any]:
    common: dict[str, Any] = {"operator_id": operator.id, "actor": "system:test"}
    now = timezone.now()
    venue = signage.services.add_venue(name="Arcade", category="retail.malls", timezone="Europe/Berlin", **common)
    scene = signage.services.add_scene(venue_id=venue.id, key="lobby", name="Lobby", **common)
    screen = signage.services.add_screen(venue_id=venue.id, name="Wall", default_scene_id=scene.id, **common)
    advertiser = catalog.services.add_advertiser(name="Kestrel", **common)
    campaign = catalog.services.add_campaign(
        advertiser_id=advertiser.id, name="Autumn coats", starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=9), budget_micros=1_250_000_000, price_micros=20_000, **common,
    )  # fmt: skip
    media = catalog.services.store_media(data=poster(), content_type="image/png", **common)
    creative = catalog.services.add_creative(
        title="Rain has no chance", category="fashion.coats", duration_ms=8_000, campaign_id=campaign.id,
        media_id=media.id, **common,
    )  # fmt: skip
    notice = subjects.services.publish_notice(operator_id=operator.id, title="You decide", text="Each purpose apart.")
    registered = subjects.services.register(
        operator_id=operator.id, origin="kiosk", notice=notice, purposes=["personalise", "learn"], channel="kiosk",
        actor="system:test", method="tick_box", at=now,
    )  # fmt: skip
    return {
        "venue": venue, "scene": scene, "screen": screen, "campaign": campaign, "creative": creative, "notice": notice,
        "subject": registered.subject, "receipt": registered.receipt_token,
    }  # fmt: skip
