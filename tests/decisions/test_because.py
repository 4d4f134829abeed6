"""What somebody's own past did to a choice, in words."""

from datetime import UTC, datetime, timedelta

import pytest

from decisions.because import because, subject_words
from decisions.recollection import Remembered
from recsys.explain.attribution import HISTORY, VIEWER, Attribution, Share
from recsys.features import PICTURE, Behaviour, Viewer
from subjects.selectors import Person

AT = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)  # half past midnight in Berlin
PERSON = Person(None, "amber-heron-4821", frozenset({"personalise"}), ())


def told(*past, key=0.0, looks=None, timezone="Europe/Berlin"):
    """Explain a past of (category, amount, how long ago)."""
    shares = [Share(VIEWER, None, key), *(Share(HISTORY, place, amount) for place, (_, amount, _) in enumerate(past))]
    if looks is not None:
        shares.append(Share(PICTURE, None, looks))
    viewer = Viewer("sub_1", tuple(Behaviour(f"crv_{place}", category) for place, (category, _, _) in enumerate(past)))
    remembered = Remembered(PERSON, viewer, tuple(AT - ago for _, _, ago in past))
    attribution = Attribution("occlusion", sum(share.amount for share in shares), 0.0, tuple(shares))
    return because(attribution, remembered, at=AT, timezone=timezone)


@pytest.mark.parametrize(
    ("ago", "timezone", "when"),
    [
        (timedelta(minutes=20), "Europe/Berlin", "today"),
        (timedelta(hours=1), "Europe/Berlin", "this week"),
        (timedelta(hours=1), "UTC", "today"),
        (timedelta(days=7), "UTC", "this week"),
        (timedelta(days=8), "UTC", "this month"),
        (timedelta(days=32), "UTC", "in the past months"),
    ],
)
def test_today_is_the_venues_day(ago, timezone, when):
    assert told(("drinks.tea", 1.0, ago), timezone=timezone) == [f"Because you looked at tea {when}."]


def test_at_most_two_subjects_are_named_the_strongest_first():
    day = timedelta(days=1)

    sentences = told(
        ("food", 0.5, day), ("games", 0.9, day), ("books", 0.7, day), ("pets", 0.01, day), ("books", 0.3, day)
    )

    assert sentences == ["Because you looked at books twice this week.", "Because you looked at games this week."]


def test_what_spoke_against_it_is_no_reason_for_it():
    day = timedelta(days=1)

    assert told(("food", 0.5, day), ("games", -0.2, day)) == ["Because you looked at food this week."]
    assert told(("food", -0.5, day)) == [
        "What is remembered of you spoke rather against it: it was shown by chance, to keep learning."
    ]


def test_many_small_things_are_told_together():
    past = [(f"hobbies.h{number}", 0.04, timedelta(days=1)) for number in range(10)]

    assert told(*past) == ["Because of many small things you looked at before, taken together."]


def test_what_is_sensitive_is_never_named():
    for category in ("politics", "health_conditions.asthma", "religion", "dating"):
        assert category.partition(".")[0] not in " ".join(told((category, 2.0, timedelta(days=1))))


def test_no_sentence_holds_a_name_or_a_key():
    text = " ".join(told(("food", 0.5, timedelta(days=1)), key=0.9))

    assert "amber" not in text
    assert "sub_" not in text
    assert "crv_" not in text


def test_a_category_is_said_by_its_last_part():
    assert subject_words("fashion.running_shoes") == "running shoes"


LOOKS = "Because of how it looks: that speaks for it, whoever stands here."


def test_the_looks_of_a_creative_are_told_when_they_spoke_for_it():
    tea = ("drinks.tea", 0.5, timedelta(minutes=20))

    assert told(tea, looks=0.4) == ["Because you looked at tea today.", LOOKS]
    assert told(tea, looks=0.1) == ["Because you looked at tea today."]
    assert told(tea, looks=-0.4) == ["Because you looked at tea today."]


def test_looks_make_no_past_that_made_no_difference_matter():
    tea = ("drinks.tea", 0.01, timedelta(minutes=20))

    assert told(tea, looks=0.4) == ["What is remembered of you made no difference to speak of.", LOOKS]
    assert told(("drinks.tea", -0.3, timedelta(minutes=20)), looks=0.4) == [
        "What is remembered of you spoke rather against it: it was shown by chance, to keep learning.", LOOKS,
    ]  # fmt: skip
