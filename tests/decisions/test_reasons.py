"""Why something is shown, in plain sentences that name nobody."""

from datetime import datetime

import numpy as np
import pytest

from decisions.audience import Audience
from decisions.models import Basis
from decisions.reasons import HOUSE_REASONS, reasons, setting
from recsys.features import Behaviour, Viewer
from subjects.selectors import Person

MOMENT = datetime(2026, 11, 22, 14, 5)


def audience(*, people, personalised=0, personal_allowed=False):
    person = Person(None, "amber-heron-4821", frozenset({"personalise"}), ())
    viewers = (Viewer("sub_secret", (Behaviour("crv_1", "food.bread"),)),) * personalised or (Viewer(),)
    weights = np.ones(len(viewers), np.float32) / len(viewers)
    return Audience(
        people, personalised, personalised, 0, (person,) * personalised, frozenset(), viewers, weights, personal_allowed
    )


def told(of, basis=Basis.PERSONAL, **more):
    common = setting(of, basis=basis, venue_name="Harbour Mall", moment=MOMENT)
    terms = {"category": "food.bread", "paid": False, "personal": False, "propensity": 0.25, "candidates": 4} | more
    return reasons(common, **terms)


def test_a_personal_choice_says_for_whom_and_what_they_liked():
    assert told(audience(people=1, personalised=1, personal_allowed=True)) == [
        "It fits Harbour Mall on a Sunday at 14:05, and somebody here who agreed to personal choices.",
        "Somebody here engaged with food: bread before.",
        "Nobody pays for it: it is content of the house.",
        "It was drawn from 4 that fit, with a chance of 25 %, so that the screen keeps learning.",
    ]


def test_beside_strangers_nothing_is_said_about_what_somebody_liked():
    sentences = told(audience(people=3, personalised=1))

    assert sentences[0].endswith(
        "and somebody here who agreed to personal choices and 2 others it knows nothing about."
    )
    assert not any("engaged with" in sentence for sentence in sentences)


def test_a_contextual_choice_says_that_nothing_personal_was_used():
    assert told(audience(people=2), Basis.CONTEXTUAL)[0] == (
        "It fits Harbour Mall on a Sunday at 14:05. No personal data was used."
    )


def test_house_content_says_why():
    assert told(audience(people=1, personalised=1), Basis.HOUSE) == list(HOUSE_REASONS)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"paid": True}, "An advertiser pays for it."),
        ({"personal": True}, "It is meant for one person, and everybody here agreed to personal choices."),
        ({"candidates": 1}, "It was the only one that fits here now."),
        ({"propensity": 0.004}, "less than 1 %"),
    ],
)
def test_each_circumstance_has_its_sentence(more, sentence):
    assert any(sentence in one for one in told(audience(people=1, personalised=1), **more))


def test_no_sentence_names_anybody():
    text = " ".join(told(audience(people=1, personalised=1, personal_allowed=True), personal=True))

    assert "amber-heron" not in text
    assert "sub_" not in text
