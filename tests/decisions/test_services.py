"""What a screen is told to show."""

from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import catalog.services
import registry.serving
import subjects.services
from core.ids import public_id
from decisions import services
from decisions.errors import NothingEligible
from decisions.models import Choice, Decision, DecisionViewer
from identities.errors import ForeignViewerToken, ViewerTokenExpired
from identities.viewers import How, ViewerState
from recsys.exploration.luce import Exploration
from recsys.serving.uniform import UniformRanker
from signage.errors import UnknownScene

GREEDY = Exploration(temperature=0.01, floor=0.0)


class Spy:
    """A ranker that remembers whom it was told about, and gives each candidate a chosen score."""

    version = "spy"

    def __init__(self, scores=None):
        self.scores, self.calls = scores or {}, []

    def rank(self, context, viewers, candidates, position=0):
        self.calls.append((context, viewers, candidates))
        row = [self.scores.get(key, 0.05) for key in candidates.keys]
        return np.array([row] * len(viewers), dtype=np.float32)


@pytest.fixture
def spy(monkeypatch):
    ranker = Spy()
    monkeypatch.setattr(registry.serving, "active_ranker", lambda operator_id, versions: ranker)
    return ranker


def test_a_slate_is_logged_as_it_is_answered(place):
    for title in ("Bread", "Cheese", "Apples", "Tea"):
        place.creative(title)

    slate = place.decide()

    row = Decision.objects.get(id=slate.decision_id)
    choices = list(Choice.objects.filter(decision=row).order_by("position"))
    assert [choice.creative_id for choice in choices] == [one.pick.offer.id for one in slate.places]
    assert [choice.propensity for choice in choices] == [
        pytest.approx(1 / 4),
        pytest.approx(1 / 3),
        pytest.approx(1 / 2),
    ]
    assert [choice.reasons for choice in choices] == [one.reasons for one in slate.places]
    assert (row.basis, row.purposes, row.model, row.policy, row.scene) == (
        "contextual",
        [],
        "uniform",
        "retail",
        "lobby",
    )
    assert row.audience == {"count": 0, "recognised": 0, "anonymous": 0, "bystander": 0, "personalised": 0}
    assert row.lease_until == place.at + timedelta(seconds=3 * 8 + 5)
    assert not DecisionViewer.objects.exists()


def test_a_consenting_viewer_makes_the_decision_personal(place, spy):
    creative = place.creative("Bread")
    subject = place.subject("recognise", "personalise", "learn")
    subjects.services.remember(
        operator_id=place.operator_id, entries=[(subject, creative.public_id, "food", place.at - timedelta(hours=1))]
    )

    slate = place.decide(place.viewer(subject))

    [(context, [viewer], _)] = spy.calls
    assert viewer.key == public_id("sub", subject)
    assert [(one.creative, one.category) for one in viewer.history] == [(creative.public_id, "food")]
    assert context.party == 1
    assert slate.basis == "personal"
    assert slate.purposes == ["recognise", "personalise", "learn"]
    row = DecisionViewer.objects.get()
    assert (row.subject_id, row.learn, row.decision_id) == (subject, True, slate.decision_id)
    assert any("engaged with food before" in reason for reason in slate.places[0].reasons)


def test_without_personalise_a_recognised_viewer_is_scored_as_anonymous(place, spy):
    place.creative("Bread")
    subject = place.subject("recognise", "learn", "measure")

    slate = place.decide(place.viewer(subject))

    [(_, [viewer], _)] = spy.calls
    assert (viewer.key, viewer.history) == (None, ())
    assert (slate.basis, slate.purposes) == ("contextual", ["recognise"])
    assert not DecisionViewer.objects.exists()


def test_without_learn_the_ranker_is_given_no_key(place, spy):
    place.creative("Bread")

    place.decide(place.viewer(place.subject("recognise", "personalise")))

    [(_, [viewer], _)] = spy.calls
    assert viewer.key is None
    assert DecisionViewer.objects.get().learn is False


def test_whoever_withdrew_is_anonymous_with_a_token_of_before(place, spy):
    place.creative("Bread")
    subject = place.subject("recognise", "personalise")
    token = place.viewer(subject)
    subjects.services.withdraw_all(
        operator_id=place.operator_id, subject_id=subject, channel="kiosk", actor="device:test", at=place.at
    )

    slate = place.decide(token)

    [(_, [viewer], _)] = spy.calls
    assert (viewer.key, viewer.history) == (None, ())
    assert slate.basis == "contextual"
    assert Decision.objects.get().audience == {
        "count": 1, "recognised": 0, "anonymous": 1, "bystander": 0, "personalised": 0,
    }  # fmt: skip


def test_a_face_says_nothing_once_recognise_is_withdrawn_but_a_token_still_does(place):
    place.creative("Bread")
    subject = place.subject("recognise", "personalise")
    subjects.services.withdraw_consent(
        operator_id=place.operator_id, subject_id=subject, purpose="recognise", channel="kiosk", actor="x", at=place.at
    )

    by_face = place.decide(place.viewer(subject, how=How.FACE))
    by_embedding = place.decide(place.viewer(subject, how=How.EMBEDDING))
    by_token = place.decide(place.viewer(subject, how=How.LOYALTY))

    assert (by_face.basis, by_embedding.basis) == ("contextual", "contextual")
    assert (by_token.basis, by_token.purposes) == ("personal", ["personalise"])


@pytest.mark.parametrize(
    "beside",
    [
        {"viewers": [ViewerState.ANONYMOUS]},
        {"viewers": [ViewerState.BYSTANDER]},
        {"people": 2},
    ],
    ids=["anonymous", "bystander", "counted"],
)
def test_nothing_personal_is_shown_beside_somebody_unrecognised(place, beside):
    place.creative("Your bonus", audience="personal")
    place.creative("Bread")
    subject = place.subject("recognise", "personalise")
    others = [place.viewer(state=state) for state in beside.get("viewers", [])]

    alone = place.decide(place.viewer(subject))
    together = place.decide(place.viewer(subject), *others, people=beside.get("people"))

    assert {one.pick.offer.title for one in alone.places} == {"Your bonus", "Bread"}
    assert {one.pick.offer.title for one in together.places} == {"Bread"}


def test_nothing_personal_is_shown_beside_somebody_who_did_not_agree_to_personal_choices(place):
    place.creative("Your bonus", audience="personal")
    place.creative("Bread")
    viewers = place.viewer(place.subject("recognise", "personalise")), place.viewer(place.subject("recognise"))

    slate = place.decide(*viewers)

    assert [one.pick.offer.title for one in slate.places] == ["Bread"]


def test_a_policy_that_refuses_personal_choices_is_obeyed(operator, build_place, spy):
    place = build_place(operator, category="education.schools", policy="education")
    place.creative("Your bonus", audience="personal")
    place.creative("Timetable", "education")

    slate = place.decide(place.viewer(place.subject("recognise", "personalise", "learn")))

    assert [one.pick.offer.title for one in slate.places] == ["Timetable"]
    assert slate.basis == "contextual"
    assert not DecisionViewer.objects.exists()


def test_a_policy_hides_sensitive_history_from_the_ranker(place, spy):
    bread = place.creative("Bread")
    subject = place.subject("recognise", "personalise")
    entries = [(subject, bread.public_id, category, place.at) for category in ("politics", "food")]
    subjects.services.remember(operator_id=place.operator_id, entries=entries)

    place.decide(place.viewer(subject))

    [(_, [viewer], _)] = spy.calls
    assert [one.category for one in viewer.history] == ["food"]


def test_the_same_person_twice_is_one_person(place, spy):
    place.creative("Bread")
    subject = place.subject("recognise", "personalise")

    place.decide(place.viewer(subject), place.viewer(subject))

    assert Decision.objects.get().audience["count"] == 1
    assert DecisionViewer.objects.count() == 1


def test_scores_are_averaged_over_everybody(place, monkeypatch):
    bread, tea = place.creative("Bread"), place.creative("Tea")

    class Ranker:
        version = "two tastes"

        def rank(self, context, viewers, candidates, position=0):
            rows = [{bread.public_id: 0.8, tea.public_id: 0.2} if viewer.key else {} for viewer in viewers]
            return np.array([[row.get(key, 0.4) for key in candidates.keys] for row in rows], dtype=np.float32)

    monkeypatch.setattr(registry.serving, "active_ranker", lambda operator_id, versions: Ranker())

    slate = place.decide(place.viewer(place.subject("recognise", "personalise", "learn")), people=4)

    scores = {one.pick.offer.title: one.pick.score for one in slate.places}
    assert scores == {"Bread": pytest.approx((0.8 + 3 * 0.4) / 4), "Tea": pytest.approx((0.2 + 3 * 0.4) / 4)}


def test_a_failing_ranker_leaves_house_content(place, monkeypatch, caplog):
    place.creative("Opening hours", "public_information")
    place.creative("Cola", campaign=place.campaign("Cola"))

    class Broken(UniformRanker):
        def rank(self, context, viewers, candidates, position=0):
            raise RuntimeError("out of memory")

    monkeypatch.setattr(registry.serving, "active_ranker", lambda operator_id, versions: Broken())

    slate = place.decide(place.viewer(place.subject("recognise", "personalise")))

    assert [one.pick.offer.title for one in slate.places] == ["Opening hours"]
    assert (slate.basis, slate.degraded, slate.purposes) == ("house", "ranker_failed", [])
    assert Decision.objects.get().degraded == "ranker_failed"
    assert not DecisionViewer.objects.exists()
    assert "out of memory" in caplog.text


def test_scores_that_are_no_numbers_count_as_a_failure(place, spy):
    creative = place.creative("Bread")
    spy.scores[creative.public_id] = float("nan")

    assert place.decide().degraded == "ranker_failed"


def test_nothing_eligible_says_so_and_logs_nothing(place):
    place.creative("Vodka", "alcohol")

    with pytest.raises(NothingEligible) as refusal:
        place.decide()

    assert refusal.value.extra == {"fallback": "offline_bundle"}
    assert not Decision.objects.exists()


def test_an_unknown_scene_is_refused(place):
    place.creative("Bread")

    with pytest.raises(UnknownScene):
        place.decide(scene="roof")

    assert not Decision.objects.exists()


def test_an_expired_token_is_refused(place):
    place.creative("Bread")
    token = place.viewer(expires_at=place.at - timedelta(seconds=1))

    with pytest.raises(ViewerTokenExpired):
        place.decide(token)

    assert not Decision.objects.exists()


def test_another_operators_token_is_refused(place, foreign_place):
    place.creative("Bread")
    token = foreign_place.viewer()

    with pytest.raises(ForeignViewerToken):
        place.decide(token)

    assert not Decision.objects.exists()


def test_slots_are_never_more_than_the_scene_has(place):
    for title in ("Bread", "Cheese", "Apples", "Tea"):
        place.creative(title)

    assert len(place.decide(slots=10).places) == 3
    assert len(place.decide(slots=1).places) == 1


def test_a_higher_tier_is_served_first_and_content_stands_beside_ordinary_campaigns(place):
    place.creative("Guaranteed", campaign=place.campaign("Guaranteed", priority=9))
    place.creative("Ordinary", campaign=place.campaign("Ordinary"))
    place.creative("Filler", campaign=place.campaign("Filler", priority=1))
    place.creative("Bread")

    slate = place.decide()

    titles = [one.pick.offer.title for one in slate.places]
    assert titles[0] == "Guaranteed"
    assert set(titles[1:]) == {"Ordinary", "Bread"}
    assert slate.places[0].pick.propensity == 1.0


def test_a_cap_per_person_and_day_holds(place):
    place.creative("Cola", campaign=place.campaign("Cola", cap_per_subject_per_day=2))
    place.creative("Bread")
    subject, other = place.subject("recognise", "personalise"), place.subject("recognise", "personalise")

    first, second, third = (
        {one.pick.offer.title for one in place.decide(place.viewer(subject)).places} for _ in range(3)
    )
    of_other = {one.pick.offer.title for one in place.decide(place.viewer(other)).places}
    together = {one.pick.offer.title for one in place.decide(place.viewer(other), place.viewer(subject)).places}
    tomorrow = place.at + timedelta(days=1)
    next_day = place.decide(place.viewer(subject, expires_at=tomorrow + timedelta(seconds=9)), at=tomorrow)

    assert first == second == of_other == {"Cola", "Bread"}
    assert third == together == {"Bread"}
    assert {one.pick.offer.title for one in next_day.places} == {"Cola", "Bread"}


def test_an_exhausted_campaign_is_not_eligible(place):
    campaign = place.campaign("Cola", budget_micros=100_000, price_micros=20_000)
    place.creative("Cola", campaign=campaign)
    place.creative("Bread")

    catalog.services.book_plays(operator_id=place.operator_id, bookings=[(campaign.id, place.at.date(), 5, 100_000)])

    assert [one.pick.offer.title for one in place.decide().places] == ["Bread"]


def test_open_leases_count_against_the_budget_until_they_end(place):
    place.creative("Cola", campaign=place.campaign("Cola", budget_micros=40_000, price_micros=20_000))
    place.creative("Bread")

    shown = [{one.pick.offer.title for one in place.decide().places} for _ in range(3)]
    later = place.decide(at=place.at + timedelta(minutes=5))

    assert shown == [{"Cola", "Bread"}, {"Cola", "Bread"}, {"Bread"}]
    assert {one.pick.offer.title for one in later.places} == {"Cola", "Bread"}


def _queries(place, viewers):
    place.decide(*viewers)  # fills the in-memory copies
    with CaptureQueriesContext(connection) as queries:
        place.decide(*viewers)
    return len(queries)


def test_the_number_of_queries_depends_neither_on_candidates_nor_on_viewers(place):
    people = [place.viewer(place.subject("recognise", "personalise", "learn")) for _ in range(4)]
    for number in range(5):
        place.creative(f"Offer {number}", campaign=place.campaign(f"Campaign {number}"))
    few = _queries(place, people[:1])
    many_viewers = _queries(place, people)
    for number in range(195):
        place.creative(f"Content {number}")
    many = _queries(place, people)

    assert few == many_viewers == many == 1  # everything there is to know; the log goes with what follows


def test_greedy_exploration_takes_the_best(place, spy):
    best = [place.creative(title) for title in ("Bread", "Cheese", "Apples", "Tea")]
    spy.scores |= {creative.public_id: 0.9 - 0.2 * rank for rank, creative in enumerate(best)}

    slate = place.decide(exploration=GREEDY)

    assert [one.pick.offer.title for one in slate.places] == ["Bread", "Cheese", "Apples"]


def test_forgetting_unlinks_a_person_and_keeps_what_was_shown(place):
    place.creative("Bread")
    subject, other = place.subject("recognise", "personalise", "learn"), place.subject("recognise", "personalise")
    place.decide(place.viewer(subject), place.viewer(other))
    place.decide(place.viewer(subject))

    first = services.forget(operator_id=place.operator_id, subject_id=subject)
    again = services.forget(operator_id=place.operator_id, subject_id=subject)

    assert (first, again) == ({"decision_viewers": 2}, {"decision_viewers": 0})
    assert set(DecisionViewer.objects.values_list("subject_id", "learn")) == {(None, False), (other, False)}
    assert Decision.objects.count() == 2


def test_an_operator_cannot_forget_another_ones_subject(place, other_operator):
    place.creative("Bread")
    subject = place.subject("recognise", "personalise")
    place.decide(place.viewer(subject))

    assert services.forget(operator_id=other_operator.id, subject_id=subject) == {"decision_viewers": 0}
    assert DecisionViewer.objects.get().subject_id == subject
