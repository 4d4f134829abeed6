"""Chance with known probabilities."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.exploration import Exploration, draw, probabilities

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
    worth, exploration, draws = np.array([1.0, 2.0, 4.0]), Exploration(temperature=0.8, floor=0.1), 40_000
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
