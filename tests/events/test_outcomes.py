"""Plays with what the ranker had said and what came of them."""

from datetime import timedelta

from core.ids import public_id
from core.tenancy import operator_scope
from core.times import utc
from events.selectors.outcomes import outcomes

DAY = timedelta(days=1)


def visit(events, place, after, *, engaged, subject=None):
    at = place.at + after
    viewers = [place.viewer(subject, expires_at=at + timedelta(seconds=30))] if subject else []
    slate = place.decide(*viewers, at=at)
    deeds = [events.engagement(slate, "touch", at=utc(at + timedelta(seconds=2)))] if engaged else []
    events.send(events.play(slate), *deeds, received_at=at + timedelta(seconds=20))
    return slate


def seen(place, **more):
    return outcomes(operator_id=place.operator_id, since=place.at - DAY, until=place.at + DAY, **more)


def test_a_play_comes_with_its_score_and_what_came_of_it_the_latest_first(events, place):
    bread = place.creative("Bread")
    learner = place.subject("recognise", "personalise", "learn")
    slates = [
        visit(events, place, timedelta(), engaged=True),
        visit(events, place, timedelta(hours=1), engaged=False, subject=learner),
    ]

    second, first = seen(place)

    assert [one.decision_id for one in (first, second)] == [slate.decision_id for slate in slates]
    assert (first.label, first.known, second.label, second.known) == (True, False, False, True)
    assert first.score == slates[0].places[0].pick.score > 0
    assert (first.model, first.creative, first.category) == ("uniform", bread.public_id, "food")
    assert first.context["venue"] == public_id("ven", place.venue_id)
    assert first.advertiser is None


def test_models_times_and_numbers_narrow_it_down(events, place):
    place.creative("Bread")
    for hour in range(3):
        visit(events, place, timedelta(hours=hour), engaged=False)

    assert len(seen(place, models=["uniform"])) == 3
    assert seen(place, models=["another"]) == []
    assert [one.at for one in seen(place, limit=1)] == [place.at + timedelta(hours=2)]
    assert len(outcomes(operator_id=place.operator_id, since=place.at, until=place.at + timedelta(hours=1))) == 1


def test_another_operators_plays_do_not_exist(events, place, foreign_place):
    place.creative("Bread")
    visit(events, place, timedelta(), engaged=False)

    with operator_scope(foreign_place.operator_id):
        assert seen(foreign_place) == []
