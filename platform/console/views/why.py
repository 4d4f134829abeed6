"""Why one creative was on one screen, for whoever asks; the link is the credential."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

import accounts.selectors
import catalog.selectors
import decisions.selectors
from catalog.services import media_url
from console.purposes import LABELS
from console.views.portal import private
from core.problems import NotFound
from core.tenancy import enter

BASES = {
    "personal": "It was chosen for somebody who had agreed to that.",
    "contextual": "It was chosen for the place and the time. No personal data was used.",
    "house": "The screen could not choose just then and showed the house's own content.",
}


@private
def why(request: HttpRequest, token: str) -> HttpResponse:
    """Explain one place of one decision."""
    try:
        explanation = decisions.selectors.explain(token)
        enter(explanation.operator_id)
        creative = catalog.selectors.get_creative(
            operator_id=explanation.operator_id, creative_id=explanation.creative_id
        )  # fmt: skip
    except NotFound as error:
        raise Http404(error.detail) from error
    context = {
        "explanation": explanation,
        "creative": creative,
        "picture": media_url(creative.media.sha256, timezone.now()) if creative.media else "",
        "basis": BASES[explanation.basis],
        "purposes": [LABELS[purpose] for purpose in explanation.purposes],
        "operator": accounts.selectors.get_operator(explanation.operator_id),
    }
    return render(request, "portal/why.html", context)
