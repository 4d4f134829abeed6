"""Chance with known probabilities."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.exploration.luce import Exploration, draw, probabilities

values = st.lists(st.floats(0, 1e12, allow_nan=False), min_size=1, max_size=40).map(np.array)
explorations = st.builds(Exploration, temperature=st.floats(0.05, 5), floor=st.floats(0, 1))


@given(values, explorations)
def test_probabilities_sum_to_one_and_keep_the_floor(values, exploration):
    chances = probabilities(values, exploration)

    assert chances.shape == values.shape
    assert chances.sum() == pytest.approx(1)
    assert (chances >= exploration.floor / len(values) - 1e-15).all()


@given(values, explorations)
def test_a_higher_value_never_has_a_lower_probability(values, exploration):
    chances = probabilities(values, exploration)

    assert (np.diff(chances[np.argsort(values, kind="stable")]) >= -1e-12).all()


@given(values, explorations, st.integers(0, 10), st.integers(0, 2**32))
def test_a_draw_holds_different_candidates_with_possible_propensities(values, exploration, places, seed):
    drawn = list(draw(values, places, exploration, np.random.default_rng(seed)))

    assert len(drawn) == min(places, len(values))
    assert len({one.index for one in drawn}) == len(drawn)
    assert all(0 < one.propensity <= 1 for one in drawn)


@given(values, explorations, st.integers(1, 10), st.integers(0, 2**32))
def test_each_propensity_is_the_probability_among_what_is_left(values, exploration, places, seed):
    left = list(range(len(values)))

    for one in draw(values, places, exploration, np.random.default_rng(seed)):
        expected = probabilities(values[left], exploration)[left.index(one.index)]
        assert one.propensity == pytest.approx(expected, rel=1e-9)
        left.remove(one.index)


def test_the_scale_of_the_values_does_not_matter():
    exploration = Exploration(temperature=0.5)

    small = probabilities(np.array([1e-9, 2e-9, 3e-9]), exploration)
    large = probabilities(np.array([1e9, 2e9, 3e9]), exploration)

    np.testing.assert_allclose(small, large)


def test_worthless_candidates_are_drawn_uniformly():
    chances = probabilities(np.zeros(4), Exploration(temperature=0.3, floor=0.0))

    np.testing.assert_allclose(chances, 0.25)


def test_temperature_one_without_floor_is_in_proportion_to_the_values():
    chances = probabilities(np.array([1.0, 3.0, 6.0]), Exploration(temperature=1.0, floor=0.0))

    np.testing.assert_allclose(chances, [0.1, 0.3, 0.6])


@pytest.mark.parametrize(("temperature", "floor"), [(0, 0.1), (-1, 0.1), (1, -0.1), (1, 1.1), (float("nan"), 0.1)])
def test_impossible_settings_are_refused(temperature, floor):
    with pytest.raises(ValueError, match="temperature must be above 0"):
        Exploration(temperature, floor)


def test_slates_come_as_often_as_their_propensities_say():
    worth, exploration, draws = np.array([1.0, 2.0, 4.0]), Exploration(temperature=0.8, floor=0.1), 20_000
    random = np.random.default_rng(20261122)
    counts, expected = Counter(), {}
    for _ in range(draws):
        slate = list(draw(worth, 2, exploration, random))
        order = tuple(one.index for one in slate)
        counts[order] += 1
        expected[order] = float(np.prod([one.propensity for one in slate]))

    assert sum(expected.values()) == pytest.approx(1)
    for order, propensity in expected.items():
        deviation = (propensity * (1 - propensity) / draws) ** 0.5
        assert counts[order] / draws == pytest.approx(propensity, abs=4.5 * deviation)


def test_weights_by_the_inverse_propensity_estimate_another_policy_without_bias():
    worth, exploration = np.array([1.0, 2.0, 4.0]), Exploration(temperature=0.5, floor=0.2)
    reward, random, draws = np.array([0.9, 0.5, 0.1]), np.random.default_rng(7), 40_000
    drawn = [next(draw(worth, 1, exploration, random)) for _ in range(draws)]

    uniform_policy = np.mean([reward[one.index] / (3 * one.propensity) for one in drawn])

    assert uniform_policy == pytest.approx(reward.mean(), abs=0.02)


WORLDS = np.array([[8.0, 1.0, 1.0, 0.5], [1.0, 6.0, 1.0, 0.5], [1.0, 1.0, 2.0, 9.0]])


def test_an_ensemble_draws_slates_as_often_as_its_propensities_say():
    exploration, draws = Exploration(temperature=0.5, floor=0.1), 20_000
    random = np.random.default_rng(20261123)
    counts, expected = Counter(), {}
    for _ in range(draws):
        slate = list(draw(WORLDS, 2, exploration, random))
        order = tuple(one.index for one in slate)
        counts[order] += 1
        expected[order] = float(np.prod([one.propensity for one in slate]))

    assert sum(expected.values()) == pytest.approx(1)
    for order, propensity in expected.items():
        deviation = (propensity * (1 - propensity) / draws) ** 0.5
        assert counts[order] / draws == pytest.approx(propensity, abs=4.5 * deviation)


def test_drawing_from_the_mixture_is_thompson_sampling_which_picks_a_world_first():
    exploration = Exploration(temperature=0.5, floor=0.1)
    picked: dict[tuple[int, int], float] = {}
    for world in WORLDS:
        for first, chance in enumerate(probabilities(world, exploration)):
            left = [index for index in range(4) if index != first]
            for second, then in zip(left, probabilities(world[left], exploration), strict=True):
                picked[first, second] = picked.get((first, second), 0.0) + chance * then / len(WORLDS)

    random = np.random.default_rng(3)
    for _ in range(300):
        slate = list(draw(WORLDS, 2, exploration, random))
        order = (slate[0].index, slate[1].index)
        assert slate[0].propensity * slate[1].propensity == pytest.approx(picked[order], rel=1e-9)


@given(st.integers(1, 8), st.integers(1, 12), explorations, st.integers(0, 2**32))
def test_the_first_propensity_of_an_ensemble_is_the_average_over_its_worlds(worlds, count, exploration, seed):
    random = np.random.default_rng(seed)
    worth = random.random((worlds, count)) * 10 ** random.uniform(-6, 6, (worlds, 1))

    first = next(draw(worth, 1, exploration, random))

    each = [probabilities(world, exploration)[first.index] for world in worth]
    assert first.propensity == pytest.approx(float(np.mean(each)), rel=1e-9)
    assert probabilities(worth, exploration).sum() == pytest.approx(1)


def test_a_world_in_which_nothing_is_worth_anything_draws_uniformly():
    chances = probabilities(np.array([[0.0, 0.0], [1.0, 3.0]]), Exploration(temperature=1.0, floor=0.0))

    np.testing.assert_allclose(chances, [(0.5 + 0.25) / 2, (0.5 + 0.75) / 2])


@given(values, explorations, st.integers(0, 10), st.integers(0, 2**32))
def test_one_world_is_drawn_from_as_several_alike(values, exploration, places, seed):
    one = list(draw(values, places, exploration, np.random.default_rng(seed)))
    two = list(draw(np.stack([values, values]), places, exploration, np.random.default_rng(seed)))

    np.testing.assert_allclose([each.propensity for each in one], [each.propensity for each in two], rtol=1e-6)
    assert [each.index for each in one] == [each.index for each in two]
