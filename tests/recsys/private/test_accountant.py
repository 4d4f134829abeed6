"""The accountant against formulas and figures that were published."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from recsys.training.private.accountant import ORDERS, PRECISION, epsilon_of, noise_for


def renyi(order: int, rate: float, noise: float) -> float:
    """Mironov, Talwar and Zhang, arXiv:1908.10530, section 3.3: the divergence at a whole order, as a sum."""
    terms = [
        math.lgamma(order + 1) - math.lgamma(k + 1) - math.lgamma(order - k + 1)
        + (order - k) * math.log1p(-rate) + k * math.log(rate) + (k * k - k) / (2 * noise**2)
        for k in range(order + 1)
    ]  # fmt: skip
    return float(np.logaddexp.reduce(terms)) / (order - 1)


def test_the_sum_gives_the_figure_that_tensorflow_privacy_published() -> None:
    """60,000 rows, batches of 256, noise 1.12, 60 passes, delta 1e-5: epsilon 2.92 at order 9, by the older rule."""
    rate, steps = 256 / 60_000, 14_063

    found = steps * renyi(9, rate, 1.12) + math.log(1e5) / 8

    assert found == pytest.approx(2.92, abs=0.005)


@pytest.mark.parametrize(
    ("noise", "rate", "steps"), [(1.12, 256 / 60_000, 14_063), (1.3, 250 / 60_000, 3_600), (2.0, 0.1, 300)]
)
def test_epsilon_is_that_of_the_published_sum_and_conversion(noise: float, rate: float, steps: int) -> None:
    """The conversion: Canonne, Kamath and Steinke, arXiv:2004.00010, proposition 12."""
    delta = 1e-5
    expected = min(
        steps * renyi(order, rate, noise) + math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / (order - 1)
        for order in ORDERS[:63]
    )

    assert epsilon_of(noise, sampling_rate=rate, steps=steps, delta=delta) == pytest.approx(expected, rel=1e-6)


def test_epsilon_is_above_what_no_proof_can_go_below() -> None:
    """Without sampling the Gaussian mechanism's delta is known exactly: Balle and Wang, ICML 2018, theorem 8."""
    noise, delta = 2.0, 1e-5
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        exact = norm.cdf(1 / (2 * noise) - middle * noise) - math.exp(middle) * norm.cdf(
            -1 / (2 * noise) - middle * noise
        )
        low, high = (low, middle) if exact <= delta else (middle, high)

    found = epsilon_of(noise, sampling_rate=1.0, steps=1, delta=delta)

    assert high == pytest.approx(1.993, abs=1e-3)
    assert high < found < 1.15 * high


@settings(max_examples=6, deadline=None)
@given(st.floats(0.3, 20), st.floats(0.001, 1), st.integers(1, 2_000))
def test_the_noise_found_keeps_the_terms_and_hardly_more(epsilon: float, rate: float, steps: int) -> None:
    noise = noise_for(epsilon, sampling_rate=rate, steps=steps, delta=1e-5)

    assert epsilon_of(noise, sampling_rate=rate, steps=steps, delta=1e-5) <= epsilon
    less = noise / (1 + 2 * PRECISION)
    assert epsilon_of(less, sampling_rate=rate, steps=steps, delta=1e-5) > epsilon or noise < 0.0501


def test_nothing_is_spent_by_no_step() -> None:
    assert epsilon_of(1.0, sampling_rate=0.1, steps=0, delta=1e-5) == 0.0


def test_terms_that_no_noise_can_keep_are_refused() -> None:
    with pytest.raises(ValueError, match="no noise keeps 1000000 steps within epsilon 1e-06"):
        noise_for(1e-6, sampling_rate=1.0, steps=1_000_000, delta=1e-5)
