"""Why a batch of events or a member's wish is refused; single events are refused in the answer (``events.results``)."""

from core.problems import Conflict, Problem

MAXIMUM_EVENTS = 500


class BatchTooLarge(Problem):
    """More events than one batch may hold."""

    status = 413
    code = "batch_too_large"
    title = "Batch too large"

    def __init__(self, count: int) -> None:
        super().__init__(f"A batch may hold {MAXIMUM_EVENTS} events, this one holds {count}. Send it in parts.")


class AlreadyStaff(Conflict):
    """A subject counts as staff at that time already."""

    code = "already_staff"


class NotStaff(Conflict):
    """A subject does not count as staff."""

    code = "not_staff"


class ImpossiblePeriod(Conflict):
    """A time would end before it begins."""

    code = "impossible_period"


class OtherLog(Conflict):
    """A source holds other lines than those that are being imported under its name."""

    code = "other_log"
