"""What can go wrong with a training."""

from core.problems import Conflict, NotFound


class UnknownRun(NotFound):
    """No such run for this operator."""

    code = "unknown_run"
    title = "Unknown run"


class RunWaits(Conflict):
    """A training waits already, and what is asked for cannot be the same one."""

    code = "run_waits"
    title = "A run waits"


class RunFailed(Exception):
    """A run cannot go on; it ends as failed with this reason, and the champion stays.

    Attributes:
        code: stable word a programmer can switch on.
        reason: one sentence for people.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class RunTakenAway(Exception):
    """The run is no longer this worker's: it was swept, or ended by an erasure. Its reason is recorded already."""
