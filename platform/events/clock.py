"""Times of a player's clock, repaired."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from events.results import Code, Refused

TOLERANCE = timedelta(seconds=5)
"""A difference this small is the network's, not the clock's."""

FUTURE = timedelta(seconds=60)
LATEST = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Clock:
    """How a player's clock relates to ours.

    Attributes:
        received_at: when the batch came, on our clock.
        offset: what is added to the player's times; zero within `TOLERANCE`, or when it did not say when it sent.
    """

    received_at: datetime
    offset: timedelta

    @classmethod
    def of(cls, *, sent_at: datetime | None, received_at: datetime) -> "Clock":
        """Compare the time at which the player says it sent with the time of arrival."""
        offset = received_at - sent_at if sent_at is not None else timedelta()
        return cls(received_at, offset if abs(offset) > TOLERANCE else timedelta())

    @property
    def offset_ms(self) -> int:
        """Return the offset in milliseconds."""
        return round(self.offset / timedelta(milliseconds=1))

    def repair(self, value: datetime) -> datetime:
        """Return a time of the player on our clock.

        Raises:
            Refused: more than a minute in the future, or more than thirty days ago.
        """
        try:
            repaired = value + self.offset
        except OverflowError as error:
            raise Refused(Code.IMPOSSIBLE_TIME, "This time is beyond the calendar.") from error
        if repaired > self.received_at + FUTURE:
            raise Refused(
                Code.IMPOSSIBLE_TIME, "This is in the future. Send sent_at, so that a wrong clock is repaired."
            )
        if repaired < self.received_at - LATEST:
            raise Refused(Code.TOO_LATE, f"Events are accepted for {LATEST.days} days.")
        return repaired
