import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.evaluate.intervals import bootstrap, person_weights, rate_over_people, wilson


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
