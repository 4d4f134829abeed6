"""The simulated audience: what a slate is worth there, and that its value is exact."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.benchmark.world import Shape, World

SMALL = Shape(creatives=8, categories=4, people=12, places=2, fresh=2)


def test_what_people_engage_with_comes_as_often_as_its_chance_says():
    world, random = World(SMALL, 3), np.random.default_rng(0)
    people, slates = np.zeros(40_000, dtype=np.int64), np.tile([0, 4], (40_000, 1))

    shares = world.engagements(people, slates, random).mean(axis=0)

    chances = world.chances(people[:1], slates[:1])[0]
    np.testing.assert_allclose(shares, chances, atol=4.5 * 0.5 / 200)


def test_a_category_shown_again_is_worth_less_and_later_places_are_seen_less():
    tiring, patient = World(SMALL, 3), World(Shape(creatives=8, categories=4, people=12, places=2, weariness=0.0), 3)
    person, twice, apart = np.array([0]), np.array([[0, 4]]), np.array([[0, 5]])
    assert tiring.category[[0, 4, 5]].tolist() == [0, 0, 1]

    assert tiring.chances(person, twice)[0, 1] < patient.chances(person, twice)[0, 1]
    assert tiring.chances(person, apart)[0, 1] == patient.chances(person, apart)[0, 1]
    first = tiring.chances(person, np.array([[5]]))[0, 0]
    assert tiring.chances(person, apart)[0, 1] == pytest.approx(0.85 * first)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_knowing_every_taste_is_hardly_below_the_best_of_all_slates(seed: int):
    world = World(SMALL, seed)
    people = np.arange(12)
    slates = np.array(list(permutations(range(8), 2)))

    every = np.stack([world.chances(people, np.tile(slate, (12, 1))).sum(axis=1) for slate in slates], axis=1)

    assert (world.best(people) <= every.max(axis=1) + 1e-12).all()
    assert world.best(people).mean() > 0.97 * every.max(axis=1).mean()


def test_the_same_seed_is_the_same_world():
    one, other, another = World(SMALL, 1), World(SMALL, 1), World(SMALL, 2)

    np.testing.assert_array_equal(one.history, other.history)
    assert not np.array_equal(one.history, another.history)
    np.testing.assert_allclose(one.history.sum(axis=1), 1)
    assert one.known.sum() == 6


@pytest.mark.parametrize(
    "change", [{"places": 0}, {"places": 7}, {"fresh": -1}, {"patience": 0.0}, {"weariness": -1.0}, {"people": 3}]
)
def test_a_world_that_cannot_be_is_refused(change):
    with pytest.raises(ValueError, match=r"at least one place|cannot be of this shape"):
        Shape(**({"creatives": 8, "categories": 4, "people": 12, "places": 2, "fresh": 2} | change))
