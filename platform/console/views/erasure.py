"""Erasure: by a privacy officer at once, or asked for by the person through their receipt."""

from uuid import UUID

import orjson
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import accounts.selectors
import privacy.services
import subjects.selectors
from accounts.membership import PRIVACY
from console.doors import actor_of, member_page, operator_of, telling
from console.menu import page
from console.views.portal import holder_of, private


@never_cache
@require_POST
@member_page(PRIVACY)
def erase(request: HttpRequest, subject: UUID) -> HttpResponse:
    """Erase a subject everywhere and show the certificate; the pseudonym has to be typed."""
    operator_id = operator_of(request)
    known = subjects.selectors.get(operator_id=operator_id, subject_id=subject)
    if request.POST.get("pseudonym", "").strip() != known.pseudonym:
        messages.error(request, f"Nothing was erased: type {known.pseudonym} to confirm.")
        return redirect("console:subject", subject=subject)
    with telling(request):
        certificate = privacy.services.erase(
            operator_id=operator_id, subject_id=subject, actor=actor_of(request), at=timezone.now()
        )  # fmt: skip
        signed = {"body": certificate.body, "signature": bytes(certificate.signature).hex()}
        context = {
            "pseudonym": known.pseudonym,
            "certificate": certificate,
            "document": orjson.dumps(signed, option=orjson.OPT_INDENT_2).decode(),
        }
        return page(request, "console/certificate.html", "subjects", context)
    return redirect("console:subject", subject=subject)


@csrf_exempt
@require_POST
@private
def ask(request: HttpRequest, token: str) -> HttpResponse:
    """Take a person's wish to be erased; a task does it, after which their receipt shows nothing any more."""
    holder = holder_of(token)
    asked = privacy.services.ask(
        operator_id=holder.operator_id, subject_id=holder.subject_id, kind="erasure", channel="portal",
        actor=holder.actor, at=timezone.now(),
    )  # fmt: skip
    operator = accounts.selectors.get_operator(holder.operator_id)
    return render(request, "portal/erasure.html", {"operator": operator, "asked": asked})
