from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Operator
from catalog.models import Campaign, Creative, Media
from catalog.selectors import Spending, spent
from catalog.services import (
    add_creative,
    approve_creative,
    book_plays,
    reject_creative,
    set_campaign_state,
    set_creative_active,
    store_media,
)
from catalog.serving import Eligible, Placement, eligible, snapshot
from catalog.storage import media_path
from core.epochs import versions
from core.tenancy import operator_scope
from recsys.features import Item, encode_items

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ACTOR = "member:test"
HERE = Placement(scene="checkout", venue_category="retail.grocery")


def shown(
    operator: Operator,
    placement: Placement = HERE,
    at: datetime = NOW,
    *,
    personal_allowed: bool = True,
    timezone: str = "Europe/Berlin",
) -> list[str]:
    found = here(operator, placement, at, personal_allowed=personal_allowed, timezone=timezone)
    return [offer.title for offer in found.offers]


def here(
    operator: Operator,
    placement: Placement = HERE,
    at: datetime = NOW,
    *,
    personal_allowed: bool = True,
    timezone: str = "Europe/Berlin",
) -> Eligible:
    return eligible(
        snapshot(operator.id, versions(operator_id=operator.id)), placement, at=at, timezone=timezone,
        spent=spent(operator_id=operator.id, at=at), personal_allowed=personal_allowed,
    )  # fmt: skip


@pytest.fixture
def house(operator: Operator, media: Media) -> Creative:
    """Approved content."""
    added = add_creative(
        operator_id=operator.id, title="Opening hours", category="service", duration_ms=5_000, media_id=media.id,
        actor=ACTOR,
    )  # fmt: skip
    return approve_creative(operator_id=operator.id, creative_id=added.id, actor=ACTOR)


def test_asking_again_costs_no_query(
    operator: Operator, creative: Creative, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = versions(operator_id=operator.id)
    with django_assert_num_queries(1):
        first = snapshot(operator.id, now)

    with django_assert_num_queries(0):
        assert snapshot(operator.id, now) is first
        found = eligible(first, HERE, at=NOW, timezone="UTC", spent={}, personal_allowed=False)
        assert found.offers[0].advertiser_name == "Acme"


def test_one_query_builds_it_however_much_there_is(
    operator: Operator, creative: Creative, media: Media, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(10):
        add_creative(
            operator_id=operator.id, title=f"Creative {number}", category="movies.drama", duration_ms=5_000,
            campaign_id=creative.campaign_id, media_id=media.id, actor=ACTOR,
        )  # fmt: skip
    now = versions(operator_id=operator.id)

    with django_assert_num_queries(1):
        assert len(snapshot(operator.id, now)) == 11


def test_an_offer_carries_what_a_decision_needs(
    operator: Operator, creative: Creative, campaign: Campaign, media: Media, house: Creative
) -> None:
    found = here(operator)

    paid, content = found.offers
    assert (paid.public_id, paid.campaign_id, paid.price_micros) == (creative.public_id, campaign.id, 50_000)
    assert (paid.advertiser_public_id, paid.currency, paid.priority) == (campaign.advertiser.public_id, "EUR", 5)
    assert (paid.sha256, paid.content_type, paid.width, paid.height) == (media.sha256, "image/png", 4, 3)
    assert paid.item == Item(creative.public_id, "fashion.shoes", campaign.advertiser.public_id)
    assert (content.paid, content.price_micros, content.priority, content.item.advertiser) == (False, 0, 0, None)
    assert found.price_micros.tolist() == [50_000, 0]
    assert found.priority.tolist() == [5, 0]
    assert found.paid.tolist() == [True, False]
    assert found.personal.tolist() == [False, False]
    assert found.offer(1) is content
    assert [offer.title for offer in found.where(~found.paid).offers] == ["Opening hours"]
    expected = encode_items([paid.item, content.item])
    assert found.candidates.keys == expected.keys
    np.testing.assert_array_equal(found.candidates.ids, expected.ids)
    assert found.snapshot.places == {creative.public_id: 0, house.public_id: 1}


def test_every_change_is_seen_with_the_next_versions(operator: Operator, creative: Creative) -> None:
    assert shown(operator) == ["Boots"]
    set_creative_active(operator_id=operator.id, creative_id=creative.id, active=False, actor=ACTOR)
    assert shown(operator) == []
    set_creative_active(operator_id=operator.id, creative_id=creative.id, active=True, actor=ACTOR)
    assert shown(operator) == ["Boots"]
    reject_creative(operator_id=operator.id, creative_id=creative.id, reason="blurred", actor=ACTOR)
    assert shown(operator) == []
    approve_creative(operator_id=operator.id, creative_id=creative.id, actor=ACTOR)
    assert shown(operator) == ["Boots"]


def test_a_paused_campaign_shows_nothing_and_content_goes_on(
    operator: Operator, creative: Creative, campaign: Campaign, house: Creative
) -> None:
    set_campaign_state(operator_id=operator.id, campaign_id=campaign.id, state="paused", actor=ACTOR)

    assert shown(operator) == ["Opening hours"]


def test_a_flight_includes_its_beginning_and_not_its_end(
    operator: Operator, creative: Creative, campaign: Campaign
) -> None:
    tick = timedelta(microseconds=1)

    assert shown(operator, at=campaign.starts_at - tick) == []
    assert shown(operator, at=campaign.starts_at) == ["Boots"]
    assert shown(operator, at=campaign.ends_at - tick) == ["Boots"]
    assert shown(operator, at=campaign.ends_at) == []


def test_a_budget_ends_with_the_last_play_that_fits(operator: Operator, creative: Creative, campaign: Campaign) -> None:
    today = NOW.date()
    book_plays(operator_id=operator.id, bookings=[(campaign.id, today, 199, 199 * 50_000)])
    assert shown(operator) == ["Boots"]

    book_plays(operator_id=operator.id, bookings=[(campaign.id, today, 1, 1)])

    assert shown(operator) == []


def test_a_daily_budget_is_there_again_tomorrow(operator: Operator, creative: Creative, campaign: Campaign) -> None:
    Campaign.objects.filter(id=campaign.id).update(daily_budget_micros=100_000)
    book_plays(operator_id=operator.id, bookings=[(campaign.id, NOW.date(), 1, 50_001)])

    assert shown(operator) == []
    assert shown(operator, at=NOW + timedelta(days=1)) == ["Boots"]


def test_open_leases_count_when_they_are_added_to_what_was_spent(operator: Operator, creative: Creative) -> None:
    assert creative.campaign_id is not None
    leased = {creative.campaign_id: Spending(9_950_001, 0)}

    found = eligible(
        snapshot(operator.id, versions(operator_id=operator.id)), HERE, at=NOW, timezone="UTC", spent=leased,
        personal_allowed=True,
    )  # fmt: skip

    assert len(found) == 0


@pytest.mark.parametrize(
    ("placement", "titles"),
    [
        (Placement("checkout", "retail.malls"), ["Boots", "Opening hours"]),
        (Placement("lobby", "retail.malls"), ["Opening hours"]),
        (Placement("checkout", "financial.banks"), ["Opening hours"]),
        (Placement("checkout", "retail.malls", denied_categories=frozenset({"fashion"})), ["Opening hours"]),
        (Placement("checkout", "retail.malls", denied_categories=frozenset({"service"})), ["Boots"]),
        (Placement("checkout", "retail.malls", denied_when_paid=frozenset({"fashion", "service"})), ["Opening hours"]),
        (Placement("checkout", "retail.malls", allowed_categories=frozenset({"fashion.shoes"})), ["Boots"]),
        (Placement("checkout", "retail.malls", allowed_categories=frozenset()), []),
        (Placement("checkout", "retail.malls", paid_allowed=False), ["Opening hours"]),
        (Placement("checkout", "retail.malls", minimum_ages=(("fashion", 18),)), ["Opening hours"]),
        (
            Placement("checkout", "retail.malls", minimum_ages=(("fashion", 18),), assured_age=18),
            ["Boots", "Opening hours"],
        ),
    ],
    ids=str,
)
def test_policy_and_targeting_bind(
    operator: Operator, creative: Creative, campaign: Campaign, house: Creative, placement: Placement, titles: list[str]
) -> None:
    targeting = {"venue_categories": ["retail"], "scenes": ["checkout"]}
    Campaign.objects.filter(id=campaign.id).update(targeting=targeting)

    assert shown(operator, placement) == titles
    assert shown(operator, placement) == titles  # also when the answer is remembered


def test_hours_of_targeting_are_those_of_the_venue(operator: Operator, creative: Creative, campaign: Campaign) -> None:
    Campaign.objects.filter(id=campaign.id).update(targeting={"hours": [13]})

    assert shown(operator, timezone="Europe/Berlin") == ["Boots"]
    assert shown(operator, timezone="UTC") == []
    summer = datetime(2026, 11, 22, 13, tzinfo=ZoneInfo("UTC"))
    assert shown(operator, at=summer, timezone="UTC") == ["Boots"]


def test_what_is_personal_needs_leave(operator: Operator, creative: Creative, house: Creative) -> None:
    Creative.objects.filter(id=creative.id).update(audience="personal")

    assert shown(operator, personal_allowed=True) == ["Boots", "Opening hours"]
    assert shown(operator, personal_allowed=False) == ["Opening hours"]


def test_a_creatives_own_age_gate_opens_only_where_the_venue_vouches(operator: Operator, creative: Creative) -> None:
    Creative.objects.filter(id=creative.id).update(minimum_age=16)

    assert shown(operator) == []
    assert shown(operator, Placement("checkout", "retail.grocery", assured_age=16)) == ["Boots"]


def test_a_picture_that_is_missing_from_the_disk_is_not_shown(
    operator: Operator, creative: Creative, media: Media, caplog: pytest.LogCaptureFixture
) -> None:
    content = media_path(media.sha256).read_bytes()
    media_path(media.sha256).unlink()

    assert shown(operator) == []
    assert "1 media files are missing" in caplog.text

    store_media(operator_id=operator.id, data=content, content_type="image/png", actor=ACTOR)
    assert shown(operator) == ["Boots"]


def test_an_empty_catalogue_offers_nothing(operator: Operator) -> None:
    found = here(operator)

    assert (len(found), found.offers, found.candidates.keys) == (0, [], ())


def test_one_operators_offers_are_not_anothers(
    operator: Operator, other_operator: Operator, creative: Creative
) -> None:
    with operator_scope(other_operator.id):
        assert shown(other_operator) == []
    assert shown(operator) == ["Boots"]


def test_remembered_placements_are_bounded(operator: Operator, creative: Creative) -> None:
    held = snapshot(operator.id, versions(operator_id=operator.id))

    for number in range(600):
        assert held.fits(Placement(f"scene-{number}", "retail")).tolist() == [True]

    assert len(held._fits) <= 512
