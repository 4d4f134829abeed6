"""How the console writes amounts, shares and states."""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import charts
from console.templatetags.vitrine import metric, moment, money, percent, state_colour, until, words


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0.00 EUR"), (19_999, "0.02 EUR"), (1_250_000_000, "1,250.00 EUR"), (10**15 + 10_000, "1,000,000,000.01 EUR")],
)
def test_money_is_written_with_two_decimals_and_grouped_thousands(micros: int, text: str) -> None:
    assert money(micros, "EUR") == text


@given(st.integers(min_value=0, max_value=10**17))
def test_money_is_off_by_at_most_half_a_cent(micros: int) -> None:
    written = money(micros, "EUR").removesuffix(" EUR").replace(",", "").replace(".", "")

    assert abs(int(written) * 10_000 - micros) <= 5_000


def test_shares_and_times_have_a_word_for_nothing() -> None:
    berlin = timezone(timedelta(hours=1))

    assert percent(0.1234) == "12.3 %"
    assert percent(None) == "\N{EN DASH}"
    assert moment(datetime(2026, 11, 22, 10, 30, tzinfo=berlin)) == "22 Nov 2026, 09:30"
    assert moment(None) == "\N{EN DASH}"


def test_slugs_become_words() -> None:
    assert words("movies.science_fiction") == "movies: science fiction"


def test_every_state_has_a_colour() -> None:
    assert state_colour("failed") == "red"
    assert state_colour("never heard of") == "secondary"


def version(day: int, **figures: Any) -> Any:
    """A version trained on some day of November."""
    return SimpleNamespace(trained_at=datetime(2026, 11, day, 2, 30, tzinfo=UTC), metrics={"test": figures})


def test_a_figure_that_was_not_measured_is_a_dash() -> None:
    assert metric(version(1, auc=0.71), "auc") == "0.7100"
    assert metric(version(1, auc=None), "auc") == "\N{EN DASH}"
    assert metric(SimpleNamespace(metrics={"test": None}), "auc") == "\N{EN DASH}"


def test_the_quality_chart_runs_from_the_oldest_version_to_the_newest() -> None:
    option = charts.quality([version(3, auc=0.73, log_loss=0.60), version(1, auc=0.7, log_loss=0.65)])

    assert [series["data"] for series in option["series"]] == [[0.7, 0.73], [0.65, 0.60]]
    assert option["xAxis"]["data"] == ["01 Nov 02:30", "03 Nov 02:30"]


def test_the_activity_chart_has_one_bar_per_hour_and_kind() -> None:
    hours = [
        SimpleNamespace(start=datetime(2026, 11, 22, hour, tzinfo=UTC), decisions=hour, plays=2, engaged=1)
        for hour in range(3)
    ]

    option = charts.activity(hours)  # type: ignore[arg-type]

    assert option["xAxis"]["data"] == ["00:00", "01:00", "02:00"]
    assert [series["data"] for series in option["series"]] == [[0, 1, 2], [2, 2, 2], [1, 1, 1]]


def test_what_took_less_than_a_minute_is_told_in_seconds() -> None:
    began = datetime(2026, 3, 1, 12, tzinfo=UTC)

    assert until(began, began + timedelta(seconds=42.4)) == "42 s"
    assert until(began, began + timedelta(seconds=59.6)) == "59 s"
    assert until(began, began + timedelta(seconds=60)) == "1\xa0minute"
    assert until(began, began + timedelta(hours=2, seconds=5)) == "2\xa0hours"
    assert until(began, None) == until(None, None) == "\N{EN DASH}"
