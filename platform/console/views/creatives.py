"""Creatives: what can be shown, who approved it, and uploads."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

import catalog.selectors
import catalog.services
from accounts.membership import EDITORS, member_of
from accounts.roles import Role
from catalog.categories import PARENTS
from catalog.services import media_url
from catalog.uploads import PictureUploadHandler
from console.doors import actor_of, member_page, operator_of, telling
from console.forms import CreativeForm, RejectionForm
from console.menu import page

REVIEWERS = frozenset({Role.OWNER, Role.REVIEWER})
PAGE = 24
FILTERS = (("", "All"), ("pending", "Waiting"), ("approved", "Approved"), ("rejected", "Rejected"))
"""Approval states a member can look at."""


@member_page()
def creatives(request: HttpRequest) -> HttpResponse:
    """Show creatives as a grid, newest first."""
    chosen = request.GET.get("approval", "")
    rows = catalog.selectors.creatives(operator_id=operator_of(request)).order_by("-id")
    if chosen in dict(FILTERS) and chosen:
        rows = rows.filter(approval=chosen)
    shown = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    at, role = timezone.now(), member_of(request).role
    cards = [(creative, media_url(creative.media.sha256, at) if creative.media else "") for creative in shown]
    context = {
        "cards": cards, "shown": shown, "chosen": chosen, "filters": FILTERS, "may_edit": role in EDITORS,
        "may_review": role in REVIEWERS,
    }  # fmt: skip
    return page(request, "console/creatives.html", "creatives", context)


@require_POST
@member_page(REVIEWERS)
def approve(request: HttpRequest, creative: UUID) -> HttpResponse:
    """Let a creative be shown."""
    operator_id = operator_of(request)
    catalog.selectors.get_creative(operator_id=operator_id, creative_id=creative)
    with telling(request):
        done = catalog.services.approve_creative(
            operator_id=operator_id, creative_id=creative, actor=actor_of(request)
        )  # fmt: skip
        messages.success(request, f"{done.title} is approved and may be shown.")
    return redirect("console:creatives")


@require_POST
@member_page(REVIEWERS)
def reject(request: HttpRequest, creative: UUID) -> HttpResponse:
    """Refuse a creative, with the reason."""
    operator_id = operator_of(request)
    catalog.selectors.get_creative(operator_id=operator_id, creative_id=creative)
    form = RejectionForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why the creative is rejected, in at most 300 characters.")
        return redirect("console:creatives")
    with telling(request):
        done = catalog.services.reject_creative(
            operator_id=operator_id, creative_id=creative, reason=form.cleaned_data["reason"], actor=actor_of(request)
        )  # fmt: skip
        messages.success(request, f"{done.title} is rejected and shown no more.")
    return redirect("console:creatives")


@csrf_exempt
def upload(request: HttpRequest) -> HttpResponse:
    """Take a new creative with its picture; the token is checked once the handler for pictures is in place."""
    request.upload_handlers = [PictureUploadHandler(request)]
    return _upload(request)


@csrf_protect
@member_page(EDITORS)
def _upload(request: HttpRequest) -> HttpResponse:
    form = CreativeForm(_campaigns(operator_of(request)), request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        with telling(request):
            creative = _store(request, form.cleaned_data)
            messages.success(request, f"{creative.title} is stored and waits for approval.")
            return redirect("console:creatives")
    context = {"form": form, "categories": sorted(PARENTS)}
    status = 422 if request.method == "POST" else 200
    return page(request, "console/creative_upload.html", "creatives", context, status=status)


def _store(request: HttpRequest, given: dict[str, Any]) -> Any:
    operator_id, actor, picture = operator_of(request), actor_of(request), given["picture"]
    stored = catalog.services.store_media(
        operator_id=operator_id, data=picture.read(), content_type=picture.content_type or "", actor=actor
    )
    return catalog.services.add_creative(
        operator_id=operator_id, title=given["title"], category=given["category"],
        duration_ms=given["seconds"] * 1000, campaign_id=UUID(given["campaign"]) if given["campaign"] else None,
        media_id=stored.id, audience=given["audience"], minimum_age=given["minimum_age"],
        click_url=given["click_url"] or None, actor=actor,
    )  # fmt: skip


def _campaigns(operator_id: UUID) -> list[tuple[str, str]]:
    open_ones = catalog.selectors.campaigns(operator_id=operator_id).exclude(state="ended").order_by("name")
    return [(str(campaign.id), f"{campaign.advertiser.name} · {campaign.name}") for campaign in open_ones]
