"""The venue's own clock."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_time(at: datetime, timezone: str) -> datetime:
    """Return a time on the clock of a venue (IANA name of its zone)."""
    return at.astimezone(_zone(timezone))


def day_start(at: datetime, timezone: str) -> datetime:
    """Return when the venue's present day began."""
    return local_time(at, timezone).replace(hour=0, minute=0, second=0, microsecond=0)
