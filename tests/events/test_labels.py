"""What came of a play, and what it is attributed to."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.engagement import ATTRIBUTION_WINDOW, CONVERSION_WINDOW, is_attributed, is_positive
from events.labels import UNKNOWN, Deed, Labels, labels_of
from events.models import Kind
from recsys.training.dataset import SCHEMA, TASKS

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = BEGAN + timedelta(days=3)


def deed(kind, value=1.0, after=timedelta(seconds=5)):
    return Deed(kind, value, is_positive(kind, value), BEGAN + after)


def labels(*deeds, until=LATER, measured=True):
    return labels_of(BEGAN, deeds, until=until, measured=measured)


def test_nothing_came_of_it():
    assert labels() == Labels(label=0, view=0, dwell_seconds=0.0, touch=0, scan=0, conversion=0)


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        (deed("touch"), Labels(1, 0, 0.0, 1, 0, 0)),
        (deed("scan"), Labels(1, 0, 0.0, 0, 1, 0)),
        (deed("conversion", 49.9, timedelta(hours=20)), Labels(1, 0, 0.0, 0, 0, 1)),
        (deed("dwell", 3.0), Labels(1, 1, 3.0, 0, 0, 0)),
        (deed("dwell", 0.9), Labels(0, 0, 0.9, 0, 0, 0)),
        (deed("attention", 1.0), Labels(0, 1, 0.0, 0, 0, 0)),
    ],
)
def test_each_task_has_its_label(done, expected):
    assert labels(done) == expected


def test_the_longest_dwell_counts():
    assert labels(deed("dwell", 2.0), deed("dwell", 7.5), deed("dwell", 4.0)).dwell_seconds == 7.5


def test_a_screen_that_measures_nobody_cannot_tell_who_looked():
    told = labels(deed("touch"), measured=False)

    assert (told.view, told.dwell_seconds, told.touch, told.label) == (None, None, 1, 1)


def test_a_conversion_is_unknown_until_its_window_has_passed():
    assert labels(until=BEGAN + CONVERSION_WINDOW - timedelta(seconds=1)).conversion is None
    assert labels(until=BEGAN + CONVERSION_WINDOW).conversion == 0
    assert labels(deed("conversion"), until=BEGAN + timedelta(minutes=1)).conversion == 1


@pytest.mark.parametrize("kind", Kind)
def test_a_deed_belongs_to_its_play_within_the_window_of_its_kind(kind):
    window = CONVERSION_WINDOW if kind is Kind.CONVERSION else ATTRIBUTION_WINDOW
    moment = timedelta(microseconds=1)

    assert [is_attributed(kind, BEGAN, BEGAN + after) for after in (-moment, 0 * moment, window, window + moment)] == [
        False, True, True, False,
    ]  # fmt: skip


deeds = st.lists(
    st.builds(deed, st.sampled_from(Kind), st.floats(0, 100), st.timedeltas(timedelta(hours=-1), timedelta(days=2)))
)


@given(deeds, st.timedeltas(timedelta(0), timedelta(days=2)), st.booleans())
def test_labels_fit_the_log_whatever_was_done(done, later, measured):
    told = labels(*done, until=BEGAN + later, measured=measured)

    columns = told.columns()
    assert set(columns) == {"label", *TASKS} == {"label", *UNKNOWN}
    assert set(columns) <= set(SCHEMA.names)
    assert all(columns[name] in (None, 0, 1) for name in columns if name != "dwell_seconds")
    assert told.label == max([told.touch, told.scan, told.conversion or 0, int((told.dwell_seconds or 0) >= 3)]) or (
        not measured and told.label == 1
    )
    assert labels(*reversed(done), until=BEGAN + later, measured=measured) == told
