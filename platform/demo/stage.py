"""Builds the demonstration's operator: places, catalogue, people, logs and a first trained model. Safe to repeat."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from uuid import UUID

from django.conf import settings
from django.utils import timezone

import catalog.selectors
import catalog.services
import identities.services
import registry.selectors
import signage.services
import subjects.selectors
import subjects.services
from accounts.roles import Role
from accounts.selectors import operator_named
from accounts.services import add_member, create_operator
from core.tenancy import operator_scope
from demo import catalogue
from demo.artwork import render
from demo.photographs import Photographs
from subjects.purposes import Purpose

ACTOR = "system:demo"
FLIGHT = timedelta(days=365)
BUDGET_MICROS = 5_000_000_000
PRICE_MICROS = 20_000
DURATION_MS = 8_000
EVERYTHING = [Purpose.RECOGNISE, Purpose.PERSONALISE, Purpose.LEARN, Purpose.MEASURE]
Say = Callable[[str], None]


@contextmanager
def step(say: Say, what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    begin = monotonic()
    say(f"  {what} …")
    yield
    say(f"  {what}: {monotonic() - begin:.1f} s")


def build(*, password: str, say: Say) -> UUID:
    """Create whatever of the demonstration is missing, except the logs and the model; return its operator."""
    operator = operator_named(catalogue.OPERATOR_SLUG)
    if operator is None:
        operator = create_operator(name=catalogue.OPERATOR_NAME, slug=catalogue.OPERATOR_SLUG)
    add_member(
        operator_id=operator.id, email=catalogue.MEMBER_EMAIL, password=password, role=Role.OWNER, name="Demo owner"
    )
    with operator_scope(operator.id):
        if not catalog.selectors.creatives(operator_id=operator.id).exists():
            with step(say, f"Rendering {len(catalogue.WORKS)} creatives and building two venues"):
                build_places(operator.id)
                build_catalogue(operator.id)
    with operator_scope(operator.id):
        if subjects.selectors.count(operator_id=operator.id) == 0:
            with step(say, "Enrolling the demo subjects, each with a recorded consent"):
                enrol_people(operator.id, say)
    return operator.id


def build_places(operator_id: UUID) -> None:
    """Create venues, scenes and screens."""
    for venue in catalogue.VENUES:
        place = signage.services.add_venue(
            operator_id=operator_id, name=venue.name, category=venue.category, timezone=venue.timezone, actor=ACTOR
        )
        scenes = {
            scene.key: signage.services.add_scene(
                operator_id=operator_id, venue_id=place.id, key=scene.key, name=scene.name, policy=scene.policy,
                slots=scene.slots, actor=ACTOR,
            )
            for scene in venue.scenes
        }  # fmt: skip
        for name, scene_key in venue.screens:
            signage.services.add_screen(
                operator_id=operator_id,
                venue_id=place.id,
                name=name,
                default_scene_id=scenes[scene_key].id,
                actor=ACTOR,
            )


def build_catalogue(operator_id: UUID) -> None:
    """Create advertisers with a campaign each, and the approved creatives with their rendered media."""
    campaigns = {
        name: _campaign(operator_id, name)
        for name in sorted({work.advertiser for work in catalogue.WORKS if work.advertiser})
    }
    for work in catalogue.WORKS:
        media = catalog.services.store_media(
            operator_id=operator_id, data=render(work), content_type="image/jpeg", actor=ACTOR
        )
        creative = catalog.services.add_creative(
            operator_id=operator_id, title=work.title, category=work.category, media_id=media.id,
            campaign_id=campaigns.get(work.advertiser or ""), duration_ms=DURATION_MS,
            audience="personal" if work.personal else "public", actor=ACTOR,
        )  # fmt: skip
        catalog.services.approve_creative(operator_id=operator_id, creative_id=creative.id, actor=ACTOR)


def _campaign(operator_id: UUID, advertiser_name: str) -> UUID:
    now = timezone.now()
    advertiser = catalog.services.add_advertiser(operator_id=operator_id, name=advertiser_name, actor=ACTOR)
    campaign = catalog.services.add_campaign(
        operator_id=operator_id, advertiser_id=advertiser.id, name=f"{advertiser_name}: the season", starts_at=now,
        ends_at=now + FLIGHT, budget_micros=BUDGET_MICROS, price_micros=PRICE_MICROS, state="active", actor=ACTOR,
        targeting={"venue_categories": [catalogue.VENUE_OF_ADVERTISER[advertiser_name]]},
    )  # fmt: skip
    return campaign.id


def enrol_people(operator_id: UUID, say: Say) -> None:
    """Publish the notice and enrol the people of the photographs."""
    now = timezone.now()
    notice = subjects.services.publish_notice(
        operator_id=operator_id, title=catalogue.NOTICE_TITLE, text=catalogue.NOTICE_TEXT
    )
    for label, picture in Photographs(settings.CARRIERS).enrolled().items():
        registration = identities.services.enrol(
            operator_id=operator_id, frame=picture, content_type=None, notice=notice, purposes=EVERYTHING,
            channel="demo", actor=ACTOR, at=now, origin="demo", method="demonstration",
            proof=identities.services.Demonstrated(),
        )  # fmt: skip
        say(f"    demo subject ({label}) is {registration.subject.pseudonym}")


def has_model(operator_id: UUID) -> bool:
    """Return whether a trained model serves."""
    with operator_scope(operator_id):
        return registry.selectors.active_version(operator_id=operator_id) is not None
