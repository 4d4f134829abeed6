"""The head on the decision path: chances stay exact, nothing more is asked of the database, refusals change nothing."""

import os
from collections import Counter
from uuid import uuid4

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import catalog.serving
import core.epochs
import decisions.serving
import registry.serving
from core.ids import parse_public_id
from decisions import selectors, services
from decisions.auction import Bids, Stakes, fill, first_place
from decisions.considered import pack, unpack
from decisions.exploration import CHANCE, LUCE, WITH_HEAD, chance, rule
from decisions.models import Decision, Posterior
from recsys.exploration.head import Head, Mode
from recsys.exploration.learning import Observations, learn
from recsys.exploration.luce import Exploration

MODEL = "uniform"


def learnt(engaged: dict[str, float], *, plays: int = 400, scene: str = "lobby", category: str = "food"):
    """Learn that creatives engaged these shares of their plays, at a model that gives each of them .05."""
    count = len(engaged)
    return learn(
        Observations(
            (scene,) * count, (category,) * count, tuple(engaged), np.full(count, np.log(0.05 / 0.95)),
            np.full(count, plays), np.array([round(plays * share) for share in engaged.values()]),
        )
    )  # fmt: skip


@pytest.fixture(autouse=True)
def empty_handed(monkeypatch):
    """No head of another test is held."""
    monkeypatch.setattr(decisions.serving, "_held", {})


@pytest.fixture
def shelf(place):
    """Three creatives, of which the log says that the first is liked and the last is not."""
    added = [place.creative(title) for title in ("Tea", "Coffee", "Milk")]
    return dict(zip([one.public_id for one in added], (0.4, 0.05, 0.01), strict=True))


def keep(place, posterior, model=MODEL):
    services.keep_posterior(operator_id=place.operator_id, model=model, posterior=posterior, until=timezone.now())


def test_without_a_posterior_chance_explores(place, shelf):
    slate = place.decide(slots=1)

    decision = Decision.objects.get(id=slate.decision_id)
    assert decision.exploration == CHANCE
    assert slate.places[0].pick.propensity == pytest.approx(1 / 3)


def test_what_was_learnt_decides_from_the_next_decision_on(place, shelf):
    place.decide(slots=1)
    posterior = learnt(shelf)
    keep(place, posterior)

    shown = Counter(place.decide(slots=1).places[0].pick.offer.public_id for _ in range(30))

    assert shown[next(iter(shelf))] >= 25
    names = set(Decision.objects.exclude(exploration=CHANCE).values_list("exploration", flat=True))
    assert names == {f"thompson:{posterior.digest()[:16]}"}


def test_the_log_holds_the_rankers_score_and_the_exact_chance(place, shelf):
    posterior = learnt(shelf)
    keep(place, posterior)

    first, second = place.decide(slots=2).places

    head = Head(posterior)
    worth = head.values(Mode.THOMPSON, head.arms(list(shelf), ["food"] * 3), np.full(3, 0.05), "lobby")
    bids = Bids(worth, Stakes(np.zeros(3, dtype=np.int64), np.full(3, 5)))
    chances = dict(zip(shelf, first_place(bids, WITH_HEAD), strict=True))
    assert first.pick.score == pytest.approx(0.05)
    assert first.pick.propensity == pytest.approx(chances[first.pick.offer.public_id])
    assert 0 < second.pick.propensity <= 1


def test_a_posterior_of_another_ranker_is_not_used(place, shelf):
    keep(place, learnt(shelf), model="a" * 64)

    place.decide()

    assert Decision.objects.get().exploration == CHANCE


def test_a_head_asks_the_database_for_nothing(place, shelf):
    place.decide()
    with CaptureQueriesContext(connection) as without:
        place.decide()
    keep(place, learnt(shelf))
    place.decide()

    with CaptureQueriesContext(connection) as queries:
        place.decide()

    assert Decision.objects.latest("id").exploration != CHANCE
    assert len(queries) == len(without)


def test_a_posterior_that_cannot_be_read_leaves_it_to_chance(place, shelf, caplog):
    keep(place, learnt(shelf))
    Posterior.objects.update(document=b"damaged")

    slate = place.decide()

    assert slate.places
    assert Decision.objects.get().exploration == CHANCE
    assert "chance explores alone" in caplog.text


def test_learning_anew_replaces_what_was_learnt(place, shelf):
    keep(place, learnt(shelf, plays=100))
    keep(place, learnt(shelf, plays=200))

    only = Posterior.objects.get()
    assert (only.plays, only.engaged) == (600, 92)


def test_what_was_learnt_about_rankers_that_serve_no_more_goes(place, shelf):
    keep(place, learnt(shelf), model="old")
    keep(place, learnt(shelf), model="new")

    gone = services.drop_posteriors(operator_id=place.operator_id, models_kept=["new"])

    assert gone == 1
    assert list(selectors.posteriors(operator_id=place.operator_id)) == ["new"]


def test_no_operator_sees_what_another_has_learnt(place, shelf, foreign_place):
    keep(place, learnt(shelf))

    assert selectors.posteriors(operator_id=foreign_place.operator_id) == {}


def test_a_failing_ranker_asks_no_head(place, shelf, monkeypatch):
    class Broken:
        version = MODEL

        def rank(self, *args, **options):
            raise RuntimeError("out of memory")

    keep(place, learnt(shelf))
    monkeypatch.setattr(registry.serving, "active_ranker", lambda operator_id, versions: Broken())

    place.decide()

    assert Decision.objects.get().exploration == CHANCE


def test_rules_without_and_with_a_head():
    head = Head(learnt({"crv_1": 0.1}))

    assert rule(None).exploration == LUCE
    assert rule(head).exploration == WITH_HEAD
    assert rule(head, Exploration(0.3, 0.2)).exploration == Exploration(0.3, 0.2)
    assert rule(head).name == f"thompson:{head.digest[:16]}"


def test_an_installation_may_choose_optimism_or_chance(place, shelf, settings):
    keep(place, learnt(shelf))

    for chosen, logged in (("linucb", "linucb:"), ("luce", CHANCE)):
        settings.EXPLORATION = chosen
        slate = place.decide(slots=1)
        assert Decision.objects.get(id=slate.decision_id).exploration.startswith(logged)


def test_an_ensembles_first_places_come_as_often_as_first_place_says():
    random, draws = np.random.default_rng(4), 8000
    scores = random.random((5, 6))
    bids = Bids(scores, Stakes(np.array([0, 10, 20, 0, 40, 10]), np.array([5, 7, 7, 5, 7, 3])))
    counts = Counter(fill(bids, 1, LUCE, random)[0].index for _ in range(draws))

    chances = first_place(bids, LUCE)

    assert chances[[0, 3, 5]].tolist() == [0, 0, 0]
    assert chances.sum() == pytest.approx(1)
    for index in (1, 2, 4):
        deviation = (chances[index] * (1 - chances[index]) / draws) ** 0.5
        assert counts[index] / draws == pytest.approx(chances[index], abs=4.5 * deviation)


def test_the_log_tells_what_was_considered(place, shelf):
    place.decide()
    later = place.creative("Juice")
    packed = selectors.considered(
        operator_id=place.operator_id, decision_ids=[Decision.objects.get().id]
    )  # fmt: skip
    ids = sorted([*(parse(one) for one in shelf), later.id])

    (considered,) = packed.values()

    places = unpack(considered, ids)
    assert places is not None
    assert {ids[place] for place in places} == {parse(one) for one in shelf}
    assert len(considered) == 13


def parse(public: str):
    return parse_public_id("crv", public)


def test_what_was_considered_is_not_guessed_at_once_the_order_has_changed(place, shelf):
    place.decide()
    considered = bytes(Decision.objects.get().considered)
    ids = sorted(parse(one) for one in shelf)

    assert unpack(considered, [uuid4(), *ids]) is None
    assert unpack(considered, ids[:2]) is None
    assert unpack(b"", ids) is None


def test_candidates_survive_packing(place, shelf):
    versions = core.epochs.versions(operator_id=place.operator_id)
    snapshot = catalog.serving.snapshot(place.operator_id, versions)
    eligible = catalog.serving.Eligible(snapshot, np.array([0, 2]))

    places = unpack(pack(eligible), [offer.id for offer in snapshot.offers])

    assert places is not None
    assert places.tolist() == [0, 2]


def test_a_forked_process_shares_no_chance_with_its_parent():
    chance()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(chance().random()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as told:
        assert float(told.read()) != chance().random()
    assert chance() is chance()
