"""The log, read back."""

import base64
from datetime import timedelta
from uuid import uuid4

import pytest

from core.sealing import seal
from decisions import links, selectors, services
from decisions.errors import UnknownDecision, UnknownExplanation


def test_a_link_sealed_for_something_else_or_of_another_length_explains_nothing():
    for use, value in (("viewer", bytes(33)), ("why", bytes(32))):
        with pytest.raises(UnknownExplanation):
            links.read(base64.urlsafe_b64encode(seal(use, value)).decode())


def test_shown_leaves_out_other_screens_and_operators(place, other_operator):
    place.creative("Bread")
    slate = place.decide()
    asked = {"decision_ids": [slate.decision_id]}

    found = selectors.shown(operator_id=place.operator_id, screen_id=place.screen_id, **asked)

    assert list(found) == [(slate.decision_id, 0)]
    assert found[slate.decision_id, 0].price_micros == 0
    assert selectors.shown(operator_id=place.operator_id, screen_id=uuid4(), **asked) == {}
    assert selectors.shown(operator_id=other_operator.id, **asked) == {}


def test_access_lists_the_decisions_for_a_person_until_they_are_forgotten(place):
    place.creative("Bread")
    subject = place.subject("recognise", "personalise")
    slates = [place.decide(place.viewer(subject), at=place.at + timedelta(seconds=number)) for number in range(2)]
    place.decide()
    mine = {"operator_id": place.operator_id, "subject_id": subject}

    assert [row.id for row in selectors.decisions_for(**mine)] == [slate.decision_id for slate in slates]
    assert selectors.traces(**mine) == 2
    services.forget(**mine)
    assert selectors.decisions_for(**mine) == []
    assert selectors.traces(**mine) == 0


def test_the_latest_decisions_come_first(place):
    place.creative("Bread")
    ids = [place.decide(at=place.at + timedelta(seconds=number)).decision_id for number in range(3)]

    assert [row.id for row in selectors.latest(operator_id=place.operator_id, limit=2)] == ids[:0:-1]
    assert selectors.latest(operator_id=place.operator_id, screen_id=uuid4()) == []


def test_an_unknown_decision_is_refused(place):
    with pytest.raises(UnknownDecision):
        selectors.get(operator_id=place.operator_id, decision_id=uuid4())


def test_audience_totals_add_up_numbers_only(place):
    place.creative("Bread")
    place.decide(place.viewer(place.subject("recognise")), people=3)
    place.decide(people=2)

    spans = [(place.at, place.at + timedelta(hours=1)), (place.at - timedelta(hours=1), place.at)]
    totals = [
        selectors.audience_totals(operator_id=place.operator_id, since=since, until=until) for since, until in spans
    ]

    assert totals == [{"count": 5, "recognised": 1}, {"count": 0, "recognised": 0}]
