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
