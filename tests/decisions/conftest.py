"""A small retail venue with one screen, and what stands before it."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

import catalog.services
import core.epochs
import registry.serving
import signage.services
import subjects.services
from accounts.models import Operator
from accounts.services import issue_device_token
from catalog.models import Creative
from core.ids import parse_public_id
from core.tenancy import operator_scope
from decisions.services import Slate, decide
from decisions.wish import Wish
from identities.viewers import How, ViewerClaim, ViewerState, issue
from recsys.serving.uniform import UniformRanker

ACTOR = "member:test"


@dataclass
class Place:
    """One operator's venue, screen and player, and what one needs to fill and question them."""

    operator_id: UUID
    screen_id: UUID
    player_id: UUID
    venue_id: UUID
    token: str
    media_id: UUID
    notice: Any
    at: datetime

    def creative(self, title: str, category: str = "food", *, duration_ms: int = 8000, **terms: Any) -> Creative:
        """Add an approved creative; content unless ``campaign`` is given."""
        campaign = terms.pop("campaign", None)
        added = catalog.services.add_creative(
            operator_id=self.operator_id, title=title, category=category, duration_ms=duration_ms, actor=ACTOR,
            media_id=self.media_id, campaign_id=campaign.id if campaign else None, **terms,
        )  # fmt: skip
        return catalog.services.approve_creative(operator_id=self.operator_id, creative_id=added.id, actor=ACTOR)

    def campaign(self, name: str, **terms: Any) -> Any:
        """Add an active campaign."""
        advertiser = catalog.services.add_advertiser(operator_id=self.operator_id, name=f"{name} Ltd", actor=ACTOR)
        values = {"budget_micros": 10_000_000, "price_micros": 20_000} | terms
        return catalog.services.add_campaign(
            operator_id=self.operator_id, advertiser_id=advertiser.id, name=name, actor=ACTOR,
            starts_at=self.at - timedelta(days=1), ends_at=self.at + timedelta(days=30), state="active", **values,
        )  # fmt: skip

    def subject(self, *purposes: str) -> UUID:
        """Register somebody with these consents."""
        registered = subjects.services.register(
            operator_id=self.operator_id, origin="kiosk", notice=self.notice, purposes=purposes, channel="kiosk",
            actor="device:test", method="tick_box", at=self.at - timedelta(minutes=1),
        )  # fmt: skip
        return registered.subject.id

    def viewer(
        self, subject_id: UUID | None = None, *, state: ViewerState | None = None, how: How = How.FACE, **terms: Any
    ) -> str:
        """Return a viewer token as a recognition would."""
        known = ViewerState.RECOGNISED if subject_id else ViewerState.ANONYMOUS
        values = {
            "operator_id": self.operator_id,
            "screen_id": self.screen_id,
            "expires_at": self.at + timedelta(seconds=30),
        }
        return issue(ViewerClaim(subject_id=subject_id, state=state or known, how=how, **(values | terms)))

    def decide(self, *viewers: str, at: datetime | None = None, exploration: Any = None, **wish: Any) -> Slate:
        """Decide for whoever stands here."""
        more = {"exploration": exploration} if exploration else {}
        return decide(
            operator_id=self.operator_id, player_id=self.player_id, wish=Wish(viewers=tuple(viewers), **wish),
            at=at or self.at, **more,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def media_root(settings: Any, tmp_path: Path) -> Path:
    """Media of a test stay in its own folder."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture(autouse=True)
def uniform_ranker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on a model unless it says so."""
    monkeypatch.setattr(registry.serving, "active_ranker", lambda operator_id, versions: UniformRanker())


@pytest.fixture
def build_place() -> Callable[..., Place]:
    """Set up a venue with a screen and a paired player for an operator whose scope is entered."""

    def build(operator: Operator, *, category: str = "retail.grocery", policy: str = "retail", slots: int = 3) -> Place:
        at, shared = timezone.now(), {"operator_id": operator.id, "actor": ACTOR}
        venue = signage.services.add_venue(name="Harbour Mall", category=category, timezone="Europe/Berlin", **shared)
        scene = signage.services.add_scene(
            venue_id=venue.id, key="lobby", name="Lobby", policy=policy, slots=slots, **shared
        )
        screen = signage.services.add_screen(venue_id=venue.id, name="Door", default_scene_id=scene.id, **shared)
        pairing = signage.services.start_pairing(kind="signage", remote=str(operator.id), at=at)
        player = signage.services.claim(code=pairing.code, screen_id=screen.id, at=at, **shared)
        token = issue_device_token(operator_id=operator.id, device_id=player.id, name="Door")
        picture = io.BytesIO()
        Image.new("RGB", (16, 9), "teal").save(picture, "PNG")
        media = catalog.services.store_media(data=picture.getvalue(), content_type="image/png", **shared)
        notice = subjects.services.publish_notice(operator_id=operator.id, title="Be known", text="What we do.")
        return Place(operator.id, screen.id, player.id, venue.id, token, media.id, notice, at)

    return build


@pytest.fixture
def place(operator: Operator, build_place: Callable[..., Place]) -> Place:
    """The venue of the test's operator, still without anything to show."""
    return build_place(operator)


@pytest.fixture
def foreign_place(place: Place, other_operator: Operator, build_place: Callable[..., Place]) -> Place:
    """The venue of another operator."""
    with operator_scope(other_operator.id):
        return build_place(other_operator)


@pytest.fixture
def player(api: APIClient, place: Place) -> APIClient:
    """An API client with the player's token."""
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {place.token}")
    return api


@pytest.fixture
def decision_id() -> Callable[[dict[str, Any]], UUID]:
    """Return the UUID inside an answer's decision."""
    return lambda answer: parse_public_id("dec", answer["decision"])


@pytest.fixture
def versions(operator: Operator) -> Callable[[], dict[str, int]]:
    """Read the epochs."""
    return lambda: core.epochs.versions(operator_id=operator.id)
