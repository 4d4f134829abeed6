"""What can go wrong with people's rights."""

from core.problems import NotFound, Problem


class UnknownRightsRequest(NotFound):
    """This operator has no such request."""

    code = "unknown_rights_request"
    title = "Unknown rights request"


class ErasureIncomplete(Problem):
    """The search after an erasure still found something, so no certificate was issued and nothing was changed."""

    status = 500
    code = "erasure_incomplete"
    title = "Erasure incomplete"


class UnknownBudgetEntry(NotFound):
    """This operator's privacy budget has no such entry, or none that could be given back."""

    code = "unknown_budget_entry"
    title = "Unknown budget entry"


class BudgetSpent(Problem):
    """What is asked for is more than what is left of the operator's privacy budget; nothing was changed."""

    status = 409
    code = "privacy_budget_spent"
    title = "Privacy budget spent"
