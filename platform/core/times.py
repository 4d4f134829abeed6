"""Times as the API writes and reads them."""

from datetime import UTC, datetime

from core.problems import Malformed


def utc(value: datetime) -> str:
    """Return a time as the API writes it: ISO 8601, UTC, ``Z``."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: object, field: str) -> datetime:
    """Return an ISO 8601 time with an offset, in UTC.

    Raises:
        Malformed: no time, or one without an offset.
    """
    try:
        value = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        value = None
    if value is None or value.tzinfo is None:
        raise Malformed(f"{field}: expected an ISO 8601 time with an offset, like 2026-01-31T12:00:00Z.")
    return value.astimezone(UTC)
