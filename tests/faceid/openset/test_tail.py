import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.openset.tail import ParetoTail


@pytest.mark.parametrize("shape", [-0.4, -0.2, 0.0, 0.3])
def test_the_shape_and_scale_of_a_pareto_tail_are_found(shape: float):
    uniform = np.random.default_rng(1).random(40_000)
    scores = -np.log(uniform) * 0.01 if shape == 0.0 else 0.01 * (uniform**-shape - 1.0) / shape

    tail = ParetoTail.fit(scores)

    assert tail.shape == pytest.approx(shape, abs=0.12)
    assert tail.rate_above(tail.threshold_at(1e-3)) == pytest.approx(1e-3, rel=1e-6)


def test_rates_beyond_the_data_are_extrapolated_without_bias():
    draws = [np.random.default_rng(seed).normal(0.0, 0.1, 1000) for seed in range(60)]

    thresholds = [ParetoTail.fit(scores).threshold_at(1e-4) for scores in draws]

    assert np.median(thresholds) == pytest.approx(0.3719, abs=0.02)  # the normal distribution's own


@given(st.integers(0, 1000))
def test_the_rate_falls_with_the_threshold(seed: int):
    tail = ParetoTail.fit(np.random.default_rng(seed).normal(0.2, 0.1, 300))

    rates = [tail.rate_above(threshold) for threshold in np.linspace(-0.5, 1.0, 60)]

    assert rates[0] == tail.share
    assert (np.diff(rates) <= 0).all()


def test_too_short_a_tail_is_refused():
    with pytest.raises(ValueError, match="75 are needed"):
        ParetoTail.fit(np.linspace(0, 1, 70))


def test_a_rate_within_the_bulk_is_refused():
    tail = ParetoTail.fit(np.linspace(0, 1, 200))

    with pytest.raises(ValueError, match="rates up to"):
        tail.threshold_at(0.5)
