import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.evaluate.intervals import area_estimate, bootstrap, mean_of, person_weights, rate_over_people, wilson
from faceid.evaluate.liveness import area


def test_wilson_gives_the_published_interval():
    estimate = wilson(81, 263)  # Newcombe, Statistics in Medicine 17, 1998, table I, method 3

    assert (estimate.low, estimate.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_wilson_never_says_that_an_unseen_error_is_impossible():
    estimate = wilson(0, 20)  # the same table: 0.0000 to 0.1611

    assert (estimate.value, estimate.low) == (0.0, 0.0)
    assert estimate.high == pytest.approx(0.1611, abs=5e-5)


def test_wilson_without_trials_says_nothing():
    estimate = wilson(0, 0)

    assert np.isnan(estimate.value)
    assert (estimate.low, estimate.high) == (0.0, 1.0)


@pytest.mark.parametrize(("hits", "trials"), [(2, 1), (-1, 3)])
def test_an_impossible_proportion_is_refused(hits: int, trials: int):
    with pytest.raises(ValueError, match="no proportion"):
        wilson(hits, trials)


@given(st.integers(0, 200), st.integers(0, 200))
def test_wilson_holds_the_share_it_is_about(hits: int, misses: int):
    estimate = wilson(hits, hits + misses)

    assert 0.0 <= estimate.low <= estimate.high <= 1.0
    assert hits + misses == 0 or estimate.value in estimate


def test_each_resample_has_as_many_people_as_there_are():
    weights = np.concatenate(list(person_weights(17, 25)))

    assert weights.shape == (25, 17)
    assert (weights.sum(axis=1) == 17).all()


def test_the_bootstrap_of_a_mean_agrees_with_its_standard_error():
    values = np.random.default_rng(3).normal(5.0, 2.0, 400)

    estimate = bootstrap(
        float(values.mean()), lambda w: (w @ values) / w.sum(axis=1), 400, trials=400, independent=400, rounds=2000
    )

    error = values.std() / 20
    assert (estimate.low, estimate.high) == pytest.approx(
        (values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.2 * error
    )


def test_trials_of_the_same_people_widen_the_interval():
    hits = np.repeat(np.array([True] * 10 + [False] * 30), 10)

    alone = rate_over_people(hits, np.arange(400))
    together = rate_over_people(hits, np.repeat(np.arange(40), 10))

    assert alone.value == together.value == 0.25
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_people_who_never_fail_count_once_each():
    estimate = rate_over_people(np.zeros(100, dtype=bool), np.repeat(np.arange(20), 5))

    assert estimate.high == pytest.approx(0.1611, abs=5e-5)
    assert estimate.trials == 100


@pytest.mark.parametrize(
    ("first", "second"), [((0.02, 60), (0.15, 40)), ((0.3, 80), (0.4, 120)), ((0.0, 30), (0.5, 30))]
)
def test_the_mean_of_two_rates_is_held_at_least_as_often_as_its_parts(
    first: tuple[float, int], second: tuple[float, int]
):
    drawn = np.random.default_rng(3)
    shares = (first[0] + second[0]) / 2

    held = [
        shares in mean_of(wilson(int(drawn.binomial(n, p)), n), wilson(int(drawn.binomial(m, q)), m))
        for (p, n), (q, m) in [(first, second)] * 400
    ]

    assert np.mean(held) >= 0.95


def test_the_mean_of_two_rates_holds_the_interval_of_independent_ones():
    first, second = wilson(6, 98), wilson(0, 99)
    found = mean_of(first, second)

    below = np.hypot(first.value - first.low, second.value - second.low) / 2  # Zou and Donner, 2008
    above = np.hypot(first.high - first.value, second.high - second.value) / 2

    assert found.value == pytest.approx(6 / 98 / 2)
    assert found.low <= found.value - below
    assert found.high >= found.value + above
    assert np.isnan(mean_of(wilson(0, 0), second).value)


def test_an_area_of_one_still_has_an_interval_and_chance_one_on_both_sides():
    perfect, chance = area_estimate(1.0, 20, 20), area_estimate(0.5, 20, 30)

    assert (perfect.value, perfect.high, perfect.trials) == (1.0, 1.0, 40)
    assert 0.8 < perfect.low < 0.95
    assert chance.value - chance.low == pytest.approx(chance.high - chance.value)
    assert area_estimate(0.5, 200, 300).high < chance.high
    assert (area_estimate(float("nan"), 0, 3).low, area_estimate(float("nan"), 0, 3).high) == (0.0, 1.0)


def test_the_interval_of_an_area_holds_the_true_one_as_often_as_it_says():
    drawn, true = np.random.default_rng(5), 0.76  # two normal distributions one apart

    held = 0
    for _ in range(300):
        living, attacks = drawn.normal(1.0, 1.0, 30), drawn.normal(0.0, 1.0, 50)
        held += true in area_estimate(area(living, attacks), 30, 50)

    assert held / 300 >= 0.92
