"""The budget of differential privacy: what was granted, spent and given back."""

from django.http import HttpRequest, HttpResponse

import privacy.selectors
from accounts.membership import PRIVACY
from console.doors import member_page, operator_of
from console.menu import page

ENTRIES = 100


@member_page(PRIVACY)
def budget(request: HttpRequest) -> HttpResponse:
    """Show how the budget stands, and its newest entries."""
    operator_id = operator_of(request)
    context = {
        "standing": privacy.selectors.budget_standing(operator_id=operator_id),
        "entries": privacy.selectors.budget_entries(operator_id=operator_id).order_by("-number")[:ENTRIES],
    }
    return page(request, "console/budget.html", "budget", context)
