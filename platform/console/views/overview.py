"""The overview: what happens right now."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

import audit.selectors
import decisions.selectors
import events.selectors
import identities.thresholds
import registry.selectors
import signage.selectors
import subjects.selectors
from accounts.membership import member_of
from console import charts
from console.doors import member_page, operator_of
from console.menu import page
from console.purposes import LABELS

ONLINE = timedelta(minutes=3)
"""A player asks for its manifest every minute: silent for three, it counts as offline."""
ENTRIES = 8


@member_page()
def overview(request: HttpRequest) -> HttpResponse:
    """Show everything; the two parts below then refresh themselves."""
    operator_id, at = operator_of(request), timezone.now()
    context = {"calibration": identities.thresholds.hint(operator_id=operator_id)}
    return page(
        request, "console/overview.html", "overview", context | _numbers(operator_id, at) | _entries(operator_id)
    )


@member_page()
def numbers(request: HttpRequest) -> HttpResponse:
    """Show the live numbers and the chart."""
    member = member_of(request)
    return render(
        request, "console/parts/numbers.html", {"member": member} | _numbers(member.operator_id, timezone.now())
    )


@member_page()
def entries(request: HttpRequest) -> HttpResponse:
    """Show the latest entries of the audit log."""
    return render(request, "console/parts/entries.html", _entries(operator_of(request)))


def _numbers(operator_id: UUID, at: datetime) -> dict[str, Any]:
    activity = events.selectors.overview(operator_id=operator_id, at=at)
    screens = signage.selectors.screen_states(operator_id=operator_id)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    audience = decisions.selectors.audience_totals(operator_id=operator_id, since=day, until=at)
    counts = subjects.selectors.consent_counts(operator_id=operator_id, at=at)
    people = audience["count"]
    return {
        "at": at,
        "activity": activity,
        "chart": charts.activity(activity.hours),
        "screens": len(screens),
        "online": sum(state.last_seen_at is not None and at - state.last_seen_at < ONLINE for state in screens),
        "people": people,
        "recognised_share": audience["recognised"] / people if people else None,
        "consents": [(LABELS[purpose], count) for purpose, count in counts.items()],
        "model": registry.selectors.active_version(operator_id=operator_id),
    }


def _entries(operator_id: UUID) -> dict[str, Any]:
    return {"entries": audit.selectors.latest(operator_id=operator_id, limit=ENTRIES)}
