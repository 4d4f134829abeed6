"""What the answer says about each event of a batch."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


class Code(StrEnum):
    """Why an event was rejected, or what is special about an accepted one."""

    WRONG_SHAPE = "wrong_shape"
    EVENT_ID_CONFLICT = "event_id_conflict"
    UNKNOWN_DECISION = "unknown_decision"
    UNKNOWN_BUNDLE = "unknown_bundle"
    UNKNOWN_CREATIVE = "unknown_creative"
    IMPOSSIBLE_DURATION = "impossible_duration"
    IMPOSSIBLE_TIME = "impossible_time"
    TOO_LATE = "too_late"
    REPEAT = "repeat"
    AFTER_LEASE = "after_lease"


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one event.

    Attributes:
        event_id: as the player wrote it, None when it wrote none.
        code: why it was rejected; for an accepted play, why it is not billed.
        detail: the same for people.
    """

    event_id: str | None
    status: Status
    code: Code | None = None
    detail: str = ""

    @property
    def settled(self) -> bool:
        """Return whether the player may forget the event: it is stored, by this batch or an earlier one."""
        return self.status is not Status.REJECTED


class Refused(Exception):
    """One event cannot be accepted; the rest of its batch can."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
