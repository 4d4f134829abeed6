"""Why one creative was on one screen, for whoever asks; the link is the credential."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy

import accounts.selectors
import catalog.selectors
import decisions.explanation
from catalog.services import media_url
from console.purposes import LABELS
from console.views.portal import private
from core.problems import NotFound
from core.tenancy import enter
from decisions.explanation import Personal, PlaceExplained

BASES = {
    "personal": gettext_lazy("It was chosen for somebody who had agreed to that."),
    "contextual": gettext_lazy("It was chosen for the place and the time. No personal data was used."),
    "house": gettext_lazy("The screen could not choose just then and showed the house's own content."),
}
WHY_NOT = {
    Personal.NOT_ALONE: gettext_lazy(
        "Several people stood there, so this page says nothing about what any of them looked at."
    ),
    Personal.TOO_LATE: gettext_lazy("What somebody looked at is told here for an hour only. That hour is over."),
    Personal.ENDED: gettext_lazy(
        "Whoever it was chosen for has withdrawn or was erased since. Only place and time are left to tell."
    ),
    Personal.NOT_KEPT: gettext_lazy("The ranking model that chose is no longer kept, so it cannot be asked."),
}
"""Why nothing is told about anybody's past."""


@private
def why(request: HttpRequest, token: str) -> HttpResponse:
    """Explain one place of one decision."""
    try:
        explanation = decisions.explanation.of_link(token, at=timezone.now())
        enter(explanation.operator_id)
        creative = catalog.selectors.get_creative(
            operator_id=explanation.operator_id, creative_id=explanation.choice.creative_id
        )  # fmt: skip
    except NotFound as error:
        raise Http404(error.detail) from error
    context = {
        "explanation": explanation,
        "decision": explanation.decision,
        "choice": explanation.choice,
        "creative": creative,
        "picture": media_url(creative.media.sha256, timezone.now()) if creative.media else "",
        "basis": BASES[explanation.choice.basis],
        "why_not": WHY_NOT.get(explanation.personal, ""),
        "instead": _instead(explanation),
        "purposes": [LABELS[purpose] for purpose in explanation.decision.purposes],
        "operator": accounts.selectors.get_operator(explanation.operator_id),
    }
    return render(request, "portal/why.html", context)


def _instead(explanation: PlaceExplained) -> list[str]:
    """Return what would most likely have been shown without personal choices, by title; empty when none were made."""
    compared = explanation.counterfactual
    return [one.title for one in compared.instead] if compared else []
