"""Models on trial: who decides where, what is observed, and that nobody waits for it or suffers from it."""

import threading
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import registry.serving
from core.ids import new_id
from decisions.models import Decision
from recsys.serving.uniform import UniformRanker
from registry import observations, observing
from registry.agreement import rank_correlation
from registry.models import Observation
from registry.observing import Observer
from registry.selectors import Lineup
from registry.serving import Held, Rankers, Tried
from registry.terms import Guardrails
from training.watching.guards import errors


class Counting:
    """A ranker that likes creatives by their place among the candidates."""

    def __init__(self, version, order=1, fails=False, gives=None):
        self.version, self.order, self.fails, self.gives, self.asked = version, order, fails, gives, 0

    def rank(self, context, viewers, candidates, position=0):
        self.asked += 1
        if self.fails:
            raise RuntimeError("broken")
        if self.gives is not None:
            return np.full((len(viewers), len(candidates)), self.gives, dtype=np.float32)
        scores = np.linspace(0.1, 0.9, len(candidates), dtype=np.float32)[:: self.order]
        return np.tile(scores, (len(viewers), 1))


@pytest.fixture
def on_trial(place, monkeypatch):
    """Let this process hold a champion and whoever is tried."""
    champion = Counting("a" * 64)
    monkeypatch.setattr(registry.serving, "active_ranker", lambda operator_id, versions: champion)
    rankers = Rankers(lambda digest: UniformRanker(version=digest))
    monkeypatch.setattr(registry.serving, "_rankers", rankers)

    def hold(*, canary=None, shadow=None, share=1.0):
        tried = {
            name: Tried(new_id(), share, ranker)
            for name, ranker in (("canary", canary), ("shadow", shadow))
            if ranker is not None
        }
        rankers._held[place.operator_id] = Held(0, Lineup(champion.version), champion, **tried)
        return champion

    return hold


@pytest.fixture
def observer(monkeypatch):
    """An observer whose thread does not begin, so that a test drains it."""
    made = Observer()
    made._thread = threading.current_thread()
    monkeypatch.setattr(observing, "_observer", made)
    return made


@pytest.fixture
def shelf(place):
    return [place.creative(title) for title in ("Bread", "Tea", "Apples", "Milk")]


def test_a_canary_decides_at_its_screens_and_the_champion_elsewhere(place, shelf, on_trial):
    canary = Counting("b" * 64)
    on_trial(canary=canary, share=1.0)
    theirs = place.decide()
    on_trial(canary=canary, share=1e-12)
    ours = place.decide(at=place.at + timedelta(minutes=1))

    assert (theirs.model, ours.model) == ("b" * 64, "a" * 64)


def test_without_a_trial_nothing_is_observed_and_no_query_is_added(
    place, shelf, on_trial, observer, django_capture_on_commit_callbacks
):
    place.decide()
    with CaptureQueriesContext(
        connection,
    ) as alone:
        place.decide(at=place.at + timedelta(minutes=1))
    on_trial(canary=Counting("b" * 64), shadow=Counting("c" * 64))
    with django_capture_on_commit_callbacks(execute=True), CaptureQueriesContext(connection) as tried:
        place.decide(at=place.at + timedelta(minutes=2))

    assert len(tried) == len(alone)
    assert observer.drain() == 1
    assert Observation.objects.count() == 2


def test_a_shadow_scores_what_was_shown_and_is_compared_over_all_candidates(
    place, shelf, on_trial, observer, django_capture_on_commit_callbacks
):
    shadow = Counting("c" * 64, order=-1)
    on_trial(shadow=shadow)

    with django_capture_on_commit_callbacks(execute=True):
        slate = place.decide()
    asked = shadow.asked
    observer.drain()

    assert asked == 0  # not before the answer had left
    [seen] = observations.shadowed(operator_id=place.operator_id, model=shadow.version, since=place.at)
    assert (seen.decision_id, seen.same_first) == (slate.decision_id, False)
    assert seen.agreement == pytest.approx(-1.0)
    expected = [1.0 - one.pick.score for one in slate.places]  # the other way round
    assert seen.scores == pytest.approx(expected, abs=1e-6)
    champion = observations.observed(operator_id=place.operator_id, model="a" * 64, since=place.at)
    assert (champion.watched, champion.failed) == (1, 0)
    assert champion.took_ms[0] > 0


def test_a_shadow_that_fails_is_an_observation_and_the_screen_never_knows(
    place, shelf, on_trial, observer, django_capture_on_commit_callbacks
):
    on_trial(shadow=Counting("c" * 64, fails=True))

    with django_capture_on_commit_callbacks(execute=True):
        slate = place.decide()
    observer.drain()

    assert (slate.model, slate.degraded) == ("a" * 64, "")
    seen = observations.observed(operator_id=place.operator_id, model="c" * 64, since=place.at)
    assert (seen.watched, seen.failed, seen.took_ms) == (1, 1, ())


@pytest.mark.parametrize("fault", [{"fails": True}, {"gives": float("nan")}])
def test_where_a_canary_fails_the_champion_decides_at_once_and_the_failure_counts(
    place, shelf, on_trial, observer, django_capture_on_commit_callbacks, fault
):
    champion = on_trial(canary=Counting("b" * 64, **fault))

    with django_capture_on_commit_callbacks(execute=True):
        slate = place.decide()
    observer.drain()

    assert champion.asked == 1
    assert (slate.model, slate.degraded, slate.basis) == ("a" * 64, "", "contextual")
    assert len({one.pick.score for one in slate.places}) == 3
    logged = Decision.objects.get(id=slate.decision_id)
    assert (logged.model, logged.degraded) == ("a" * 64, "")
    canary = observations.observed(operator_id=place.operator_id, model="b" * 64, since=place.at)
    assert (canary.watched, canary.failed, canary.took_ms) == (1, 1, ())
    assert observations.observed(operator_id=place.operator_id, model="a" * 64, since=place.at).watched == 0


def test_where_the_champion_fails_as_well_the_screen_shows_house_content(
    place, shelf, on_trial, observer, django_capture_on_commit_callbacks
):
    on_trial(canary=Counting("b" * 64, fails=True)).fails = True

    with django_capture_on_commit_callbacks(execute=True):
        slate = place.decide()
    observer.drain()

    assert (slate.degraded, slate.basis, len(slate.places)) == ("ranker_failed", "house", 3)
    assert observations.observed(operator_id=place.operator_id, model="b" * 64, since=place.at).failed == 1


def test_a_champion_that_fails_at_a_screen_of_its_own_is_not_helped_by_the_canary(place, shelf, on_trial):
    canary = Counting("b" * 64)
    on_trial(canary=canary, share=1e-12).fails = True

    assert place.decide().degraded == "ranker_failed"
    assert canary.asked == 0


def test_a_canary_that_fails_is_rolled_back_for_its_failures(
    place, shelf, on_trial, observer, django_capture_on_commit_callbacks
):
    on_trial(canary=Counting("b" * 64, fails=True))

    with django_capture_on_commit_callbacks(execute=True):
        for minute in range(20):
            place.decide(at=place.at + timedelta(minutes=minute))
    observer.drain()

    seen = observations.observed(operator_id=place.operator_id, model="b" * 64, since=place.at)
    check = errors(seen.watched, seen.failed, Guardrails())
    assert (check.passes, check.sentence) == (False, "It failed in 20 of 20 decisions; 1.0% is allowed.")


def test_a_shadow_scores_its_share_of_decisions(place, shelf, on_trial, observer, django_capture_on_commit_callbacks):
    on_trial(shadow=Counting("c" * 64), share=1e-12)

    with django_capture_on_commit_callbacks(execute=True):
        place.decide()

    assert observer.drain() == 0


def test_what_does_not_fit_is_left_out_and_nobody_waits(
    place, shelf, on_trial, monkeypatch, django_capture_on_commit_callbacks
):
    small = Observer(capacity=1)
    small._thread = threading.current_thread()
    monkeypatch.setattr(observing, "_observer", small)
    on_trial(shadow=Counting("c" * 64))

    for minute in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            place.decide(at=place.at + timedelta(minutes=minute))

    assert small.left_out == 2
    assert small.drain() == 1


def test_a_decision_that_is_taken_back_is_not_observed(
    place, shelf, on_trial, observer, django_capture_on_commit_callbacks
):
    on_trial(shadow=Counting("c" * 64))

    with django_capture_on_commit_callbacks() as left:
        place.decide()

    assert len(left) == 1  # it waits for the commit
    assert observer.drain() == 0


def test_old_observations_go(place, shelf, on_trial, observer, django_capture_on_commit_callbacks):
    on_trial(shadow=Counting("c" * 64))
    with django_capture_on_commit_callbacks(execute=True):
        place.decide()
    observer.drain()

    assert observations.prune(operator_id=place.operator_id, at=place.at + timedelta(days=29)) == 0
    assert observations.prune(operator_id=place.operator_id, at=place.at + timedelta(days=31)) == 2


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [([1, 2, 3], [10, 20, 30], 1.0), ([1, 2, 3], [3, 2, 1], -1.0), ([1, 1, 2], [1, 2, 2], 0.5), ([1, 1], [1, 2], None)],
)
def test_agreement_is_the_correlation_of_ranks(one, other, expected):
    found = rank_correlation(np.array(one, dtype=float), np.array(other, dtype=float))

    assert found is None if expected is None else found == pytest.approx(expected)
