"""The receipt portal: whoever holds a receipt sees and ends the consents it stands for.

The token in the address is the whole credential. No session or cookie takes part, so a forged request could only come
from somebody who knows the token, and a CSRF token would protect nothing; since the pages send no referrer, browsers
would not even say where a form came from.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import accounts.selectors
import identities.selectors
import subjects.selectors
import subjects.services
from console.purposes import LABELS
from core.problems import NotFound
from core.tenancy import enter
from subjects.purposes import Purpose
from subjects.selectors import Holder

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, P], HttpResponse]
CHANNEL = "portal"


def private(view: Page[P]) -> Page[P]:
    """Keep a page whose address is a secret out of caches, search engines and other sites' logs."""

    @wraps(view)
    def kept(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except NotFound as error:
            raise Http404(error.detail) from error
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        return response

    return kept


@private
def receipt(request: HttpRequest, token: str) -> HttpResponse:
    """Show one's own consents and what one was told about each."""
    return render(
        request, "portal/receipt.html", {"token": token, "done": request.GET.get("done", "")} | _kept(holder_of(token))
    )


@csrf_exempt
@require_POST
@private
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    """End one of one's consents, or all of them."""
    holder, at = holder_of(token), timezone.now()
    wanted = [purpose for purpose in Purpose if request.POST.get("purpose") in ("all", purpose)]
    for purpose in wanted:
        subjects.services.withdraw_consent(
            operator_id=holder.operator_id, subject_id=holder.subject_id, purpose=purpose, channel=CHANNEL,
            actor=holder.actor, at=at,
        )  # fmt: skip
    response = redirect("console:receipt", token=token)
    response["Location"] += "?done=withdrawn" if wanted else ""
    return response


def holder_of(token: str) -> Holder:
    """Return whose receipt a token is, and enter their operator's scope."""
    holder = subjects.selectors.receipt_holder(token)
    enter(holder.operator_id)
    return holder


def _kept(holder: Holder) -> dict[str, Any]:
    mine: dict[str, Any] = {"operator_id": holder.operator_id, "subject_id": holder.subject_id}
    ledger = subjects.selectors.ledger_of(**mine)
    notices = {entry.purpose: entry.notice for entry in ledger if entry.notice is not None}
    now = timezone.now()
    consents = [
        {
            "name": LABELS[consent.purpose], "consent": consent,
            "live": consent.state == "given" and consent.expires_at > now,
            "meaning": notices[consent.purpose].purposes.get(consent.purpose, "") if consent.purpose in notices else "",
        }
        for consent in subjects.selectors.consents_of(**mine)
    ]  # fmt: skip
    return {
        "operator": accounts.selectors.get_operator(holder.operator_id),
        "subject": subjects.selectors.get(**mine),
        "consents": consents,
        "any_live": any(row["live"] for row in consents),
        "templates": identities.selectors.templates_of(**mine),
        "notices": sorted(
            {notice.id: notice for notice in notices.values()}.values(), key=lambda notice: notice.version
        ),
    }
