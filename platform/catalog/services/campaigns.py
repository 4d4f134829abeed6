"""Set up who pays, for what, until when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.selectors import get_operator
from catalog.errors import AdvertiserExists, CampaignStateConflict, UnusableCampaign
from catalog.models import Advertiser, Campaign, CampaignState
from catalog.selectors import get_advertiser
from catalog.services.changes import changed
from catalog.targeting import parse_targeting
from core.problems import NotFound

LARGEST_MICROS = 10**17
"""A hundred billion of the currency: sums stay far inside 64 bits."""
_NEXT = {
    CampaignState.DRAFT: {CampaignState.ACTIVE, CampaignState.ENDED},
    CampaignState.ACTIVE: {CampaignState.PAUSED, CampaignState.ENDED},
    CampaignState.PAUSED: {CampaignState.ACTIVE, CampaignState.ENDED},
    CampaignState.ENDED: set(),
}


@transaction.atomic
def add_advertiser(*, operator_id: UUID, name: str, actor: str) -> Advertiser:
    """Add somebody who pays.

    Raises:
        UnusableCampaign: the name is empty or too long.
        AdvertiserExists: the operator has one of this name.
    """
    try:
        with transaction.atomic():
            advertiser = Advertiser.objects.create(operator_id=operator_id, name=_named(name))
    except IntegrityError as error:
        if "advertiser_once_per_name" in str(error):
            raise AdvertiserExists(f"You already have an advertiser called {name!r}.") from error
        raise
    changed(operator_id=operator_id, actor=actor, action="advertiser.added", target=advertiser.public_id)
    return advertiser


@transaction.atomic
def add_campaign(
    *,
    operator_id: UUID,
    advertiser_id: UUID,
    name: str,
    starts_at: datetime,
    ends_at: datetime,
    budget_micros: int,
    price_micros: int,
    actor: str,
    currency: str | None = None,
    daily_budget_micros: int | None = None,
    priority: int = 5,
    cap_per_subject_per_day: int | None = None,
    targeting: Mapping[str, Any] | None = None,
    state: str = CampaignState.DRAFT,
) -> Campaign:
    """Add a flight with a budget, in the operator's currency.

    Args:
        starts_at, ends_at: the flight; its end is no longer part of it.
        budget_micros: millionths of the currency's unit for the whole flight.
        currency: of all amounts; it can only be the operator's, since campaigns compete by price.
        daily_budget_micros: the same for a UTC day; None for no limit.
        price_micros: what one play costs.
        priority: 1 to 10, the higher tier is chosen first.
        cap_per_subject_per_day: most plays to one person a day; None for no cap.
        targeting: see ``catalog.targeting``.
        state: draft or active.

    Raises:
        NotFound: the operator has no such advertiser.
        UnusableCampaign: flight, money, priority, cap or targeting contradict themselves.
    """
    advertiser = get_advertiser(operator_id=operator_id, advertiser_id=advertiser_id)
    _check_flight(starts_at, ends_at)
    _check_money(budget_micros, daily_budget_micros, price_micros)
    if not 1 <= priority <= 10:
        raise UnusableCampaign(f"priority: expected 1 to 10, got {priority}.")
    if cap_per_subject_per_day is not None and not 1 <= cap_per_subject_per_day <= 1000:
        raise UnusableCampaign("cap_per_subject_per_day: expected 1 to 1000, or none.")
    own = get_operator(operator_id).currency
    if currency not in {None, own}:
        raise UnusableCampaign(f"currency: your campaigns are paid in {own}.")
    if state not in {CampaignState.DRAFT, CampaignState.ACTIVE}:
        raise UnusableCampaign("state: a campaign begins as draft or active.")
    campaign = Campaign.objects.create(
        operator_id=operator_id, advertiser=advertiser, name=_named(name), starts_at=starts_at, ends_at=ends_at,
        state=state, priority=priority, currency=own, budget_micros=budget_micros,
        daily_budget_micros=daily_budget_micros, price_micros=price_micros,
        cap_per_subject_per_day=cap_per_subject_per_day, targeting=parse_targeting(targeting or {}).as_json(),
    )  # fmt: skip
    changed(
        operator_id=operator_id, actor=actor, action="campaign.added", target=campaign.public_id,
        detail={"state": campaign.state, "budget_micros": budget_micros},
    )  # fmt: skip
    return campaign


@transaction.atomic
def set_campaign_state(*, operator_id: UUID, campaign_id: UUID, state: str, actor: str) -> Campaign:
    """Start, pause, resume or end a campaign; what ended stays ended. The same state again changes nothing.

    Args:
        state: active, paused or ended.

    Raises:
        UnusableCampaign: there is no such state.
        NotFound: the operator has no such campaign.
        CampaignStateConflict: it cannot go there from where it is.
    """
    if state not in CampaignState.values:
        raise UnusableCampaign(f"state: expected one of {', '.join(CampaignState.values)}.")
    after = CampaignState(state)
    campaign = Campaign.objects.select_for_update().filter(operator_id=operator_id, id=campaign_id).first()
    if campaign is None:
        raise NotFound("You have no campaign with this id.")
    before = CampaignState(campaign.state)
    if before == after:
        return campaign
    if after not in _NEXT[before]:
        raise CampaignStateConflict(f"A campaign that is {before.value} cannot become {after.value}.")
    campaign.state = after
    campaign.save(update_fields=["state"])
    changed(
        operator_id=operator_id, actor=actor, action="campaign.state_set", target=campaign.public_id,
        detail={"from": before.value, "to": after.value},
    )  # fmt: skip
    return campaign


def _check_flight(starts_at: datetime, ends_at: datetime) -> None:
    if starts_at.tzinfo is None or ends_at.tzinfo is None:
        raise UnusableCampaign("starts_at and ends_at need an offset.")
    if ends_at <= starts_at:
        raise UnusableCampaign("ends_at must be later than starts_at.")


def _check_money(budget: int, daily: int | None, price: int) -> None:
    if not 0 < budget <= LARGEST_MICROS:
        raise UnusableCampaign(f"budget_micros: expected 1 to {LARGEST_MICROS}, got {budget}.")
    if daily is not None and not 0 < daily <= LARGEST_MICROS:
        raise UnusableCampaign(f"daily_budget_micros: expected 1 to {LARGEST_MICROS}, or none.")
    if not 0 <= price <= budget or (daily is not None and price > daily):
        raise UnusableCampaign("price_micros: one play must fit into the budget and the daily budget.")


def _named(name: str) -> str:
    trimmed = name.strip()
    if not 1 <= len(trimmed) <= 120:
        raise UnusableCampaign("name: expected 1 to 120 characters.")
    return trimmed
