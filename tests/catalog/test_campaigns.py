from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Operator
from audit.selectors import latest
from catalog.errors import AdvertiserExists, CampaignStateConflict, UnusableCampaign
from catalog.models import Advertiser, Campaign, CampaignState
from catalog.services import add_advertiser, add_campaign, set_campaign_state
from core.epochs import Topic, versions
from core.ids import new_id
from core.problems import NotFound
from core.tenancy import operator_scope

START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
ACTOR = "member:test"
FIELDS: dict[str, Any] = {
    "name": "Autumn",
    "starts_at": START,
    "ends_at": END,
    "budget_micros": 1_000_000,
    "price_micros": 50_000,
}


def test_a_campaign_begins_as_a_draft_in_the_operators_currency(operator: Operator, advertiser: Advertiser) -> None:
    campaign = add_campaign(
        operator_id=operator.id, advertiser_id=advertiser.id, actor=ACTOR, daily_budget_micros=200_000, priority=9,
        cap_per_subject_per_day=3, targeting={"hours": [18, 8], "scenes": [], "venue_categories": ["retail"]}, **FIELDS,
    )  # fmt: skip

    campaign.refresh_from_db()
    assert (campaign.state, campaign.currency, campaign.priority) == ("draft", "EUR", 9)
    assert campaign.targeting == {"hours": [8, 18], "venue_categories": ["retail"]}
    entry = latest(operator_id=operator.id)[0]
    assert (entry.action, entry.target, entry.detail["budget_micros"]) == (
        "campaign.added", campaign.public_id, 1_000_000,
    )  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"ends_at": START},
        {"starts_at": START.replace(tzinfo=None)},
        {"budget_micros": 0},
        {"budget_micros": 10**18},
        {"price_micros": -1},
        {"price_micros": 1_000_001},
        {"daily_budget_micros": 0},
        {"daily_budget_micros": 49_999},
        {"priority": 0},
        {"priority": 11},
        {"cap_per_subject_per_day": 0},
        {"currency": "USD"},
        {"state": "paused"},
        {"name": " "},
        {"targeting": {"age": [30]}},
    ],
    ids=str,
)
def test_a_refused_campaign_changes_nothing(
    operator: Operator, advertiser: Advertiser, changed: dict[str, Any]
) -> None:
    before = versions(operator_id=operator.id)

    with pytest.raises(UnusableCampaign):
        add_campaign(operator_id=operator.id, advertiser_id=advertiser.id, actor=ACTOR, **(FIELDS | changed))

    assert Campaign.objects.count() == 0
    assert versions(operator_id=operator.id) == before


def test_one_play_may_use_up_the_whole_budget(operator: Operator, advertiser: Advertiser) -> None:
    fields = FIELDS | {"budget_micros": 50_000, "daily_budget_micros": 50_000, "currency": "EUR"}

    assert (
        add_campaign(operator_id=operator.id, advertiser_id=advertiser.id, actor=ACTOR, **fields).price_micros == 50_000
    )


@pytest.mark.parametrize(
    ("path", "end"),
    [
        (["active", "paused", "active", "ended"], "ended"),
        (["ended"], "ended"),
        (["active", "active"], "active"),
    ],
)
def test_a_campaign_goes_its_way(operator: Operator, advertiser: Advertiser, path: list[str], end: str) -> None:
    campaign = add_campaign(operator_id=operator.id, advertiser_id=advertiser.id, actor=ACTOR, **FIELDS)

    for state in path:
        set_campaign_state(operator_id=operator.id, campaign_id=campaign.id, state=state, actor=ACTOR)

    campaign.refresh_from_db()
    assert campaign.state == end


def test_each_step_is_audited_and_told_and_no_step_is_not(operator: Operator, campaign: Campaign) -> None:
    before = versions(operator_id=operator.id)[Topic.CATALOG]

    set_campaign_state(operator_id=operator.id, campaign_id=campaign.id, state="paused", actor=ACTOR)
    set_campaign_state(operator_id=operator.id, campaign_id=campaign.id, state="paused", actor=ACTOR)

    entry = latest(operator_id=operator.id)[0]
    assert versions(operator_id=operator.id)[Topic.CATALOG] == before + 1
    assert (entry.action, entry.detail) == ("campaign.state_set", {"from": "active", "to": "paused"})


@pytest.mark.parametrize(("before", "after"), [("ended", "active"), ("ended", "draft"), ("active", "draft")])
def test_a_campaign_does_not_go_back(operator: Operator, campaign: Campaign, before: str, after: str) -> None:
    set_campaign_state(operator_id=operator.id, campaign_id=campaign.id, state=before, actor=ACTOR)

    with pytest.raises(CampaignStateConflict, match=f"{before} cannot become {after}"):
        set_campaign_state(operator_id=operator.id, campaign_id=campaign.id, state=after, actor=ACTOR)

    campaign.refresh_from_db()
    assert campaign.state == before


def test_an_unknown_state_or_campaign_is_refused(operator: Operator, campaign: Campaign) -> None:
    with pytest.raises(UnusableCampaign):
        set_campaign_state(operator_id=operator.id, campaign_id=campaign.id, state="asleep", actor=ACTOR)
    with pytest.raises(NotFound):
        set_campaign_state(operator_id=operator.id, campaign_id=new_id(), state="paused", actor=ACTOR)

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.ACTIVE


def test_a_name_is_one_advertiser(operator: Operator, other_operator: Operator, advertiser: Advertiser) -> None:
    with pytest.raises(AdvertiserExists):
        add_advertiser(operator_id=operator.id, name="Acme", actor=ACTOR)
    with pytest.raises(UnusableCampaign):
        add_advertiser(operator_id=operator.id, name="", actor=ACTOR)
    with operator_scope(other_operator.id):
        add_advertiser(operator_id=other_operator.id, name="Acme", actor=ACTOR)

    assert Advertiser.objects.count() == 1


def test_nobody_advertises_for_another_operator(
    operator: Operator, other_operator: Operator, advertiser: Advertiser, campaign: Campaign
) -> None:
    with operator_scope(other_operator.id):
        with pytest.raises(NotFound):
            add_campaign(operator_id=other_operator.id, advertiser_id=advertiser.id, actor=ACTOR, **FIELDS)
        with pytest.raises(NotFound):
            set_campaign_state(operator_id=other_operator.id, campaign_id=campaign.id, state="ended", actor=ACTOR)

    campaign.refresh_from_db()
    assert campaign.state == "active"
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        ({"ends_at": START}, "campaign_flight_has_length"),
        ({"budget_micros": 0}, "campaign_money_positive"),
        ({"price_micros": -1}, "campaign_money_positive"),
        ({"daily_budget_micros": 0}, "campaign_money_positive"),
        ({"priority": 0}, "campaign_priority_in_range"),
        ({"state": "asleep"}, "campaign_state_known"),
        ({"cap_per_subject_per_day": 0}, "campaign_cap_positive"),
        ({"currency": "eur"}, "campaign_currency_is_code"),
    ],
    ids=str,
)
def test_the_database_refuses_impossible_campaigns(
    operator: Operator, advertiser: Advertiser, row: dict[str, Any], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Campaign.objects.create(operator_id=operator.id, advertiser=advertiser, **(FIELDS | {"currency": "EUR"} | row))


def test_the_database_refuses_a_campaign_for_anothers_advertiser(
    operator: Operator, other_operator: Operator, advertiser: Advertiser
) -> None:
    with (
        operator_scope(other_operator.id),
        pytest.raises(IntegrityError, match="campaign_of_advertiser_of_operator"),
        transaction.atomic(),
    ):
        Campaign.objects.create(operator_id=other_operator.id, advertiser_id=advertiser.id, currency="EUR", **FIELDS)
