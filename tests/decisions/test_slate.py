"""Of very many candidates only the most promising are ranked."""

from __future__ import annotations

import numpy as np
import pytest

import registry.serving
from decisions import slate
from decisions.models import Decision
from recsys.serving.uniform import UniformRanker


class Shortlister(UniformRanker):
    """Takes those with the least handicap, and remembers what it was asked and what it ranked."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "asked", [])
        object.__setattr__(self, "ranked", [])

    def shortlist(self, context, viewers, catalogue, eligible, count, handicap):
        self.asked.append({catalogue.keys[place]: float(nats) for place, nats in zip(eligible, handicap, strict=True)})
        return np.sort(np.argsort(-handicap, kind="stable")[:count])

    def rank(self, context, viewers, candidates, position=0):
        self.ranked.append(candidates.keys)
        return super().rank(context, viewers, candidates, position)


@pytest.fixture
def ranker(monkeypatch) -> Shortlister:
    ranker = Shortlister()
    monkeypatch.setattr(registry.serving, "active_ranker", lambda operator_id, versions: ranker)
    monkeypatch.setattr(slate, "RANKED_AT_MOST", 3)
    monkeypatch.setattr(slate, "SHORTLISTED", 2)
    return ranker


def test_few_candidates_are_all_ranked(place, ranker):
    shown = {place.creative(title).public_id for title in ("Bread", "Tea", "Opening hours")}

    place.decide()

    assert ranker.asked == []
    assert set(ranker.ranked[0]) == shown


def test_of_many_the_higher_tier_comes_first_and_then_the_higher_price(place, ranker):
    first = place.creative("Cola", campaign=place.campaign("Cola", priority=9, price_micros=10))
    second = place.creative("Juice", campaign=place.campaign("Juice", priority=5, price_micros=4_000))
    third = place.creative("Milk", campaign=place.campaign("Milk", priority=5, price_micros=1_000))
    house = place.creative("Opening hours")

    made = place.decide()

    nats = ranker.asked[0]
    assert nats[first.public_id] == pytest.approx(np.log(10))
    assert nats[second.public_id] - nats[third.public_id] == pytest.approx(np.log(4))
    assert nats[first.public_id] - nats[second.public_id] == pytest.approx(4 * slate.TIER_NATS - np.log(400))
    assert nats[house.public_id] == pytest.approx(np.log(1_000) - 4 * slate.TIER_NATS)  # the median price
    assert set(ranker.ranked[0]) == {first.public_id, second.public_id}
    assert {one.pick.offer.title for one in made.places} == {"Cola", "Juice"}
    assert Decision.objects.count() == 1


def test_a_shortlist_that_fails_leaves_house_content(place, ranker, monkeypatch):
    for title in ("Bread", "Tea", "Cheese", "Apples"):
        place.creative(title)
    monkeypatch.setattr(Shortlister, "shortlist", None)

    assert place.decide().degraded == "ranker_failed"
