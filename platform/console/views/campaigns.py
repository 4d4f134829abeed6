"""Campaigns: state, flight and money."""

from typing import NamedTuple
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

import catalog.selectors
import catalog.services
from accounts.membership import EDITORS, member_of
from catalog.selectors import CampaignSummary
from console.doors import actor_of, member_page, operator_of, telling
from console.menu import page


class Step(NamedTuple):
    """What a member may do with a campaign in some state."""

    state: str
    verb: str
    icon: str
    done: str


START = Step("active", "Activate", "player-play", "is active: it plays within its flight and budget")
RESUME = START._replace(verb="Resume")
PAUSE = Step("paused", "Pause", "player-pause", "is paused: no screen is given it any more")
STATES = frozenset({"active", "paused", "ended"})
STEPS = {"draft": START, "active": PAUSE, "paused": RESUME}


class Row(NamedTuple):
    """One campaign of the list."""

    summary: CampaignSummary
    step: Step | None
    share: int
    today_share: int


@member_page()
def campaigns(request: HttpRequest) -> HttpResponse:
    """List campaigns with what they have spent."""
    summaries = catalog.selectors.campaign_summaries(operator_id=operator_of(request), at=timezone.now())
    may_edit = member_of(request).role in EDITORS
    context = {"rows": [_row(summary) for summary in summaries], "may_edit": may_edit, "now": timezone.now()}
    return page(request, "console/campaigns.html", "campaigns", context)


@require_POST
@member_page(EDITORS)
def set_state(request: HttpRequest, campaign: UUID, state: str) -> HttpResponse:
    """Start, pause, resume or end a campaign."""
    if state not in STATES:
        raise Http404("A campaign cannot be set to this state.")
    operator_id = operator_of(request)
    catalog.selectors.get_campaign(operator_id=operator_id, campaign_id=campaign)
    with telling(request):
        changed = catalog.services.set_campaign_state(
            operator_id=operator_id, campaign_id=campaign, state=state, actor=actor_of(request)
        )  # fmt: skip
        told = {step.state: step.done for step in (START, PAUSE)}.get(state, "has ended and stays ended")
        messages.success(request, f"{changed.name} {told}.")
    return redirect("console:campaigns")


def _row(summary: CampaignSummary) -> Row:
    campaign, spending = summary.campaign, summary.spending
    daily = campaign.daily_budget_micros
    return Row(
        summary, STEPS.get(campaign.state), _share(spending.total, campaign.budget_micros),
        _share(spending.today, daily) if daily else 0,
    )  # fmt: skip


def _share(spent: int, budget: int) -> int:
    return min(round(spent / budget * 100), 100)
