"""Fills the database of a site with what one screen needs; prints as JSON by which names it is called.

Runs as a process of its own, since a site has its own database, once Django is set up there.
"""

import io
import json
import sys

from django.utils import timezone
from PIL import Image

import catalog.services
import signage.services
import subjects.services
from accounts.roles import Role, Scope
from accounts.services import add_member, create_operator, issue_api_key
from core.tenancy import operator_scope

EMAIL, PASSWORD = "owner@example.org", "a-password-for-tests"
PRICE = 20_000


def stage() -> dict[str, str]:
    """Create an operator with one screen, its player, two creatives and somebody with a code."""
    operator = create_operator(name="Harbour Retail", slug="harbour-retail")
    add_member(operator_id=operator.id, email=EMAIL, password=PASSWORD, role=Role.OWNER)
    key = issue_api_key(operator_id=operator.id, name="integration", scopes=[Scope.READ, Scope.MODELS])
    at, shared = timezone.now(), {"operator_id": operator.id, "actor": "member:test"}
    pairing = signage.services.start_pairing(kind="signage", remote="127.0.0.1", at=at)
    with operator_scope(operator.id):
        venue = signage.services.add_venue(name="Mall", category="retail.grocery", timezone="UTC", **shared)
        scene = signage.services.add_scene(venue_id=venue.id, key="lobby", name="Lobby", slots=2, **shared)
        screen = signage.services.add_screen(venue_id=venue.id, name="Door", default_scene_id=scene.id, **shared)
        signage.services.claim(code=pairing.code, screen_id=screen.id, at=at, **shared)
        show_something(shared)
        notice = subjects.services.publish_notice(operator_id=operator.id, title="Be known", text="What we do.")
        person = subjects.services.register(
            operator_id=operator.id, origin="kiosk", notice=notice, purposes=["personalise"], channel="kiosk",
            actor="device:test", method="tick_box", at=at,
        )  # fmt: skip
    token = signage.services.collect(pairing_id=pairing.pairing_id, secret=pairing.secret, at=at).token
    assert token is not None
    assert person.loyalty_token is not None
    return {
        "device": token, "key": key, "loyalty": person.loyalty_token, "email": EMAIL, "password": PASSWORD,
        "price": str(PRICE),
    }  # fmt: skip


def show_something(shared: dict[str, object]) -> None:
    """Add a creative of the house and a paid one whose budget lasts."""
    picture = io.BytesIO()
    Image.new("RGB", (16, 9), "teal").save(picture, "PNG")
    media = catalog.services.store_media(data=picture.getvalue(), content_type="image/png", **shared)
    advertiser = catalog.services.add_advertiser(name="Acme", **shared)
    at = timezone.now()
    campaign = catalog.services.add_campaign(
        advertiser_id=advertiser.id, name="Autumn", starts_at=at, ends_at=at.replace(year=at.year + 1),
        budget_micros=10**12, price_micros=PRICE, state="active", **shared,
    )  # fmt: skip
    for title, paid in (("Bread", None), ("Boots", campaign.id)):
        creative = catalog.services.add_creative(
            title=title, category="food", duration_ms=8000, media_id=media.id, campaign_id=paid, **shared
        )
        catalog.services.approve_creative(creative_id=creative.id, **shared)


if __name__ == "__main__":
    json.dump(stage(), sys.stdout)
