"""Times as the API writes and reads them."""

from datetime import UTC, datetime

from core.problems import Malformed

_YEARS = range(1900, 2200)
"""Times further away are mistakes, and adding to those at the ends of the calendar would overflow."""


def utc(value: datetime) -> str:
    """Return a time as the API writes it: ISO 8601, UTC, ``Z``."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: object, field: str) -> datetime:
    """Return an ISO 8601 time with an offset, in UTC.

    Raises:
        Malformed: no time, one without an offset, or one that cannot be reckoned with.
    """
    try:
        value = datetime.fromisoformat(text) if isinstance(text, str) else None
        if value is not None and value.tzinfo is not None and value.year in _YEARS:
            return value.astimezone(UTC)
    except ValueError:
        pass
    raise Malformed(f"{field}: expected an ISO 8601 time with an offset, like 2026-01-31T12:00:00Z.")
