from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.problems import Malformed
from core.times import parse_time, utc

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1), timezones=zones))
def test_a_time_returns_to_the_millisecond(value: datetime) -> None:
    read = parse_time(utc(value), "at")

    assert timedelta(0) <= value - read < timedelta(milliseconds=1)
    assert read.tzinfo is UTC


def test_a_time_is_written_in_utc() -> None:
    value = datetime(2026, 1, 31, 13, 0, 0, 123_999, timezone(timedelta(hours=1)))

    assert utc(value) == "2026-01-31T12:00:00.123Z"


@pytest.mark.parametrize("text", ["", "x", "2026-01-31", "2026-01-31T12:00:00", "2026-02-30T12:00:00Z", None, 7, []])
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(Malformed, match=r"^at: expected"):
        parse_time(text, "at")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "1899-12-31T00:00:00Z", "9999-12-31T23:59:59-14:00"])
def test_times_beyond_the_calendar_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_time(text, "at")
