"""The masks say what the rules say: every rule is read here once more in plain Python."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from catalog.models import Advertiser, Campaign, Creative, Media
from catalog.selectors import Spending
from catalog.serving import Placement, build, eligible
from catalog.storage import write_media
from core.ids import new_id
from signage.policies import POLICIES, ScenePolicy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPERATOR = new_id()
ADVERTISER = Advertiser(operator_id=OPERATOR, name="Acme")
HELD, MISSING = (
    Media(id=new_id(), operator_id=OPERATOR, sha256=digit * 64, bytes=9, content_type="image/png", width=1, height=1)
    for digit in "ab"
)
ORDINARY = ["fashion", "fashion.shoes", "news", "service", "wayfinding"]
DELICATE = ["alcohol.beer", "gambling", "politics.local", "credit", "medicines"]
VENUES = ["retail", "retail.malls", "retail.malls.concourse", "financial.banks"]
SCENES = ["checkout", "lobby"]
ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"]


@dataclass(frozen=True)
class Moment:
    """One question to both readings."""

    policy: ScenePolicy
    placement: Placement
    at: datetime
    timezone: str
    personal_allowed: bool


def placement_of(policy: ScenePolicy, scene: str, venue: str, age: int) -> Placement:
    return Placement(
        scene, venue, policy.allowed_categories, policy.denied_categories, policy.denied_when_paid, policy.minimum_ages,
        policy.paid_allowed, age,
    )  # fmt: skip


class Chance:
    """Draws catalogues in which most creatives pass most rules, so that each rule often decides alone."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)

    def hours(self, first: int, last: int) -> datetime:
        return NOW + timedelta(hours=self.draw.randint(first, last))

    def mostly(self, usual: Any, *others: Any) -> Any:
        return self.draw.choice(others) if self.draw.random() < 0.1 else usual

    def targeting(self) -> dict[str, list[Any]]:
        return {
            "venue_categories": self.mostly([], [self.draw.choice(VENUES)], self.draw.sample(VENUES, 2)),
            "scenes": self.mostly([], [self.draw.choice(SCENES)]),
            "hours": self.mostly([], self.draw.sample(range(24), 12)),
        }

    def campaign(self) -> Campaign:
        return Campaign(
            id=new_id(), operator_id=OPERATOR, advertiser=ADVERTISER, name="Campaign", currency="EUR",
            starts_at=self.hours(-2, 0), ends_at=self.hours(1, 3), priority=5,
            state=self.mostly("active", "draft", "paused", "ended"), budget_micros=self.draw.randint(4, 8),
            daily_budget_micros=self.draw.choice([None, 3, 4]), price_micros=self.draw.randint(0, 2),
            targeting=self.targeting(),
        )  # fmt: skip

    def creative(self, campaigns: list[Campaign]) -> Creative:
        return Creative(
            id=new_id(), operator_id=OPERATOR, campaign=self.draw.choice([None, *campaigns]), title="Creative",
            category=self.draw.choice(ORDINARY * 2 + DELICATE), media=self.mostly(HELD, MISSING, None),
            duration_ms=5_000, audience=self.mostly("public", "personal"), minimum_age=self.mostly(None, 16, 18),
            approval=self.mostly("approved", "pending", "rejected"), active=self.mostly(True, False),
        )  # fmt: skip

    def spending(self, campaigns: list[Campaign]) -> dict[UUID, Spending]:
        amounts = {campaign.id: sorted(self.draw.choices(range(8), k=2)) for campaign in campaigns}
        return {key: Spending(total, today) for key, (today, total) in amounts.items() if self.draw.random() < 0.7}

    def moment(self) -> Moment:
        policy = self.draw.choice(list(POLICIES.values()))
        age = self.draw.choice([0, 16, 17, 18, 21])
        placement = placement_of(policy, self.draw.choice(SCENES), self.draw.choice(VENUES), age)
        at = self.draw.choice([NOW, self.hours(-2, 3)])
        return Moment(policy, placement, at, self.draw.choice(ZONES), self.draw.random() < 0.5)


def may_show(creative: Creative, moment: Moment, spending: dict[UUID, Spending]) -> bool:
    """Read the rules one by one."""
    if creative.approval != "approved" or not creative.active:
        return False
    if creative.media is None or creative.media == MISSING:
        return False
    if creative.audience == "personal" and not moment.personal_allowed:
        return False
    if not moment.policy.allows_category(creative.category, paid=creative.campaign is not None):
        return False
    if max(creative.minimum_age or 0, moment.policy.minimum_age(creative.category)) > moment.placement.assured_age:
        return False
    return creative.campaign is None or may_play(creative.campaign, moment, spending)


def may_play(campaign: Campaign, moment: Moment, spending: dict[UUID, Spending]) -> bool:
    if campaign.state != "active" or not campaign.starts_at <= moment.at < campaign.ends_at:
        return False
    total, today = spending.get(campaign.id, Spending(0, 0))
    if total + campaign.price_micros > campaign.budget_micros:
        return False
    if campaign.daily_budget_micros is not None and today + campaign.price_micros > campaign.daily_budget_micros:
        return False
    wanted = campaign.targeting
    if wanted.get("hours") and moment.at.astimezone(ZoneInfo(moment.timezone)).hour not in wanted["hours"]:
        return False
    if wanted.get("scenes") and moment.placement.scene not in wanted["scenes"]:
        return False
    here = f"{moment.placement.venue_category}."
    return not wanted.get("venue_categories") or any(
        here.startswith(f"{venue}.") for venue in wanted["venue_categories"]
    )


@pytest.mark.usefixtures("media_root")
@profile(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_the_masks_agree_with_the_rules(seed: int) -> None:
    write_media(HELD.sha256, b"picture")
    chance = Chance(seed)
    campaigns = [chance.campaign() for _ in range(20)]
    creatives = [chance.creative(campaigns) for _ in range(80)]
    spending = chance.spending(campaigns)
    built = build(1, creatives)

    for moment in [chance.moment() for _ in range(12)]:
        found = eligible(
            built, moment.placement, at=moment.at, timezone=moment.timezone, spent=spending,
            personal_allowed=moment.personal_allowed,
        )  # fmt: skip

        expected = [creative.public_id for creative in creatives if may_show(creative, moment, spending)]
        assert list(found.candidates.keys) == expected


@pytest.mark.usefixtures("media_root")
def test_the_draws_put_both_answers_to_the_test() -> None:
    write_media(HELD.sha256, b"picture")
    chance = Chance(7)
    campaigns = [chance.campaign() for _ in range(20)]
    creatives = [chance.creative(campaigns) for _ in range(80)]
    moments = [chance.moment() for _ in range(12)]

    shares = [sum(may_show(creative, moment, {}) for creative in creatives) / 80 for moment in moments]

    assert 0.1 < sum(shares) / len(shares) < 0.9
