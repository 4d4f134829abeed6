"""Subjects: pseudonyms, consents, and their rights. Only owners and privacy officers come here."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

import catalog.selectors
import events.selectors
import events.services
import identities.minors
import identities.selectors
import identities.services
import subjects.selectors
import subjects.services
from accounts.membership import PRIVACY
from audit.services import record
from console.doors import actor_of, member_page, operator_of, telling
from console.menu import page
from console.purposes import LABELS
from core.ids import parse_public_id, public_id
from core.pagination import page as one_page
from subjects.purposes import Purpose
from subjects.receipts import qr_of, url_of
from subjects.services import Subject

CHANNEL = "console"


class Row(NamedTuple):
    """One subject of the list."""

    subject: Subject
    live: list[str]
    enrolled: bool


class Interest(NamedTuple):
    """Something a subject engaged with."""

    title: str
    category: str
    at: datetime


@member_page(PRIVACY)
def listing(request: HttpRequest) -> HttpResponse:
    """List subjects by pseudonym, newest first."""
    operator_id, search, at = operator_of(request), request.GET.get("search", "").strip()[:60], timezone.now()
    shown, cursor = one_page(
        subjects.selectors.found(operator_id=operator_id, search=search), cursor=request.GET.get("cursor"), limit=None
    )  # fmt: skip
    enrolled = identities.selectors.enrolled(operator_id=operator_id, subject_ids=[subject.id for subject in shown])
    context = {
        "rows": [_row(subject, subject.id in enrolled, at) for subject in shown],
        "search": search,
        "cursor": cursor,
        "total": subjects.selectors.count(operator_id=operator_id),
    } | _enrolment(operator_id)
    return page(request, "console/subjects.html", "subjects", context)


@require_POST
@member_page(PRIVACY)
def supervise(request: HttpRequest, supervision: str) -> HttpResponse:
    """Choose whether staff vouches at kiosks, or a challenge is asked for; the choice is audited."""
    with telling(request):
        policy = identities.services.supervise(
            operator_id=operator_of(request), supervision=supervision, actor=actor_of(request)
        )
        messages.success(request, f"Kiosks enrol {policy.get_supervision_display().lower()} from now on.")
    return redirect("console:subjects")


@require_POST
@member_page(PRIVACY)
def treat_minors(request: HttpRequest, minors: str) -> HttpResponse:
    """Choose whether apparent minors are anonymous; the choice is audited."""
    with telling(request):
        policy = identities.services.treat_minors(
            operator_id=operator_of(request), minors=minors, actor=actor_of(request)
        )  # fmt: skip
        messages.success(request, f"{policy.get_minors_display()} from now on.")
    return redirect("console:subjects")


@never_cache
@member_page(PRIVACY)
def detail(request: HttpRequest, subject: UUID) -> HttpResponse:
    """Show what is kept of one subject; the reading is audited."""
    operator_id = operator_of(request)
    context = _kept(operator_id, subject)
    record(
        operator_id=operator_id, actor=actor_of(request), action="subject.read", target=context["subject"].public_id
    )  # fmt: skip
    return page(request, "console/subject.html", "subjects", context)


@never_cache
@require_POST
@member_page(PRIVACY)
def reissue(request: HttpRequest, subject: UUID) -> HttpResponse:
    """Issue one more receipt, for somebody who lost theirs; it is shown this once."""
    operator_id = operator_of(request)
    known = subjects.selectors.get(operator_id=operator_id, subject_id=subject)
    token = subjects.services.issue_receipt(operator_id=operator_id, subject_id=subject, actor=actor_of(request))
    url = url_of(token)
    context = {"subject": known, "url": url, "qr": qr_of(url)}
    return page(request, "console/subject_receipt.html", "subjects", context)


@require_POST
@member_page(PRIVACY)
def withdraw(request: HttpRequest, subject: UUID) -> HttpResponse:
    """End one consent, or all of them."""
    operator_id, at = operator_of(request), timezone.now()
    known = subjects.selectors.get(operator_id=operator_id, subject_id=subject)
    purpose = request.POST.get("purpose", "")
    with telling(request):
        common: dict[str, Any] = {
            "operator_id": operator_id, "subject_id": subject, "channel": CHANNEL, "actor": actor_of(request), "at": at,
        }  # fmt: skip
        if purpose:
            ended = [purpose] if subjects.services.withdraw_consent(purpose=purpose, **common) else []
        else:
            ended = [str(one) for one in subjects.services.withdraw_all(**common)]
        if ended:
            names = ", ".join(LABELS[one] for one in ended)
            messages.success(request, f"Withdrawn for {known.pseudonym}: {names}. It holds from the next decision on.")
        else:
            messages.info(request, "Nothing was live, so nothing changed.")
    return redirect("console:subject", subject=subject)


@require_POST
@member_page(PRIVACY)
def employ(request: HttpRequest, subject: UUID) -> HttpResponse:
    """Count a subject as staff from now on, or no longer; the choice is audited."""
    operator_id, at = operator_of(request), timezone.now()
    known = subjects.selectors.get(operator_id=operator_id, subject_id=subject)
    common: dict[str, Any] = {"operator_id": operator_id, "subject_id": subject, "actor": actor_of(request)}
    with telling(request):
        if request.POST.get("staff") == "begin":
            events.services.begin_staff(**common, since=at)
            messages.success(request, f"What is shown to {known.pseudonym} no longer counts as the audience's.")
        else:
            events.services.end_staff(**common, until=at)
            messages.success(request, f"{known.pseudonym} counts as audience from now on.")
    return redirect("console:subject", subject=subject)


def _enrolment(operator_id: UUID) -> dict[str, object]:
    """Return whom kiosks enrol and how, and whether everybody counts as a minor for want of a network."""
    policy = identities.selectors.enrolment_policy(operator_id=operator_id)
    return {"policy": policy, "nobody_passes": policy.minors != "off" and identities.minors.check() is None}


def _row(subject: Subject, enrolled: bool, at: datetime) -> Row:
    live = {
        consent.purpose for consent in subject.consents.all() if consent.state == "given" and consent.expires_at > at
    }
    return Row(subject, [LABELS[purpose] for purpose in Purpose if purpose in live], enrolled)


def _kept(operator_id: UUID, subject_id: UUID) -> dict[str, Any]:
    subject = subjects.selectors.get(operator_id=operator_id, subject_id=subject_id)
    consents = subjects.selectors.consents_of(operator_id=operator_id, subject_id=subject_id)
    ledger = subjects.selectors.ledger_of(operator_id=operator_id, subject_id=subject_id)
    now = timezone.now()
    live = {consent.purpose for consent in consents if consent.state == "given" and consent.expires_at > now}
    return {
        "subject": subject,
        "consents": [(LABELS[consent.purpose], consent, consent.purpose in live) for consent in consents],
        "any_live": bool(live),
        "ledger": [(LABELS[entry.purpose], entry) for entry in reversed(ledger)],
        "staff": events.selectors.staff_period(operator_id=operator_id, subject_id=subject_id),
        "interests": _interests(operator_id, subject_id),
        "templates": identities.selectors.templates_of(operator_id=operator_id, subject_id=subject_id),
    }


def _interests(operator_id: UUID, subject_id: UUID) -> list[Interest]:
    history = subjects.selectors.history_of(operator_id=operator_id, subject_id=subject_id)
    rows = catalog.selectors.creatives(operator_id=operator_id)
    ids = [parse_public_id("crv", creative) for creative, _, _ in history]
    titles = {public_id("crv", row_id): title for row_id, title in rows.filter(id__in=ids).values_list("id", "title")}
    return [
        Interest(titles.get(creative, creative), category, datetime.fromtimestamp(milliseconds / 1000, UTC))
        for creative, category, milliseconds in history
    ]
