"""An advertiser with a running campaign, pictures, and API clients of the operator."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Operator
from accounts.roles import Scope
from accounts.services import issue_api_key
from catalog.models import Advertiser, Campaign, Creative, Media
from catalog.services import add_advertiser, add_campaign, add_creative, approve_creative, store_media

ACTOR = "member:test"
START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
ClientOf = Callable[..., APIClient]


def picture(width: int = 4, height: int = 3, kind: str = "PNG", colour: str = "red") -> bytes:
    """Return a small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def media_root(settings: Settings, tmp_path: Path) -> Path:
    """A folder for media of this test alone."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def advertiser(operator: Operator) -> Advertiser:
    return add_advertiser(operator_id=operator.id, name="Acme", actor=ACTOR)


@pytest.fixture
def campaign(operator: Operator, advertiser: Advertiser) -> Campaign:
    return add_campaign(
        operator_id=operator.id, advertiser_id=advertiser.id, name="Autumn", starts_at=START, ends_at=END,
        budget_micros=10_000_000, price_micros=50_000, state="active", actor=ACTOR,
    )  # fmt: skip


@pytest.fixture
def media(operator: Operator) -> Media:
    return store_media(operator_id=operator.id, data=picture(), content_type="image/png", actor=ACTOR)


@pytest.fixture
def creative(operator: Operator, campaign: Campaign, media: Media) -> Creative:
    """An approved creative of the campaign."""
    added = add_creative(
        operator_id=operator.id, title="Boots", category="fashion.shoes", duration_ms=8_000, campaign_id=campaign.id,
        media_id=media.id, actor=ACTOR,
    )  # fmt: skip
    return approve_creative(operator_id=operator.id, creative_id=added.id, actor=ACTOR)


@pytest.fixture
def client_of() -> ClientOf:
    """Return a client with an API key of an operator."""

    def make(operator: Operator, *scopes: Scope) -> APIClient:
        client = APIClient()
        token = issue_api_key(operator_id=operator.id, name="test", scopes=scopes)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return make


@pytest.fixture
def draw() -> Callable[..., bytes]:
    """Return the function that makes pictures."""
    return picture
