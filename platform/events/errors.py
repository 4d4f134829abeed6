"""Why a batch of events is refused as a whole; single events are refused in the answer (``events.results.Code``)."""

from core.problems import Problem

MAXIMUM_EVENTS = 500


class BatchTooLarge(Problem):
    """More events than one batch may hold."""

    status = 413
    code = "batch_too_large"
    title = "Batch too large"

    def __init__(self, count: int) -> None:
        super().__init__(f"A batch may hold {MAXIMUM_EVENTS} events, this one holds {count}. Send it in parts.")
