"""How much privacy a number of noisy steps costs.

Renyi differential privacy of the subsampled Gaussian mechanism with Poisson sampling (Mironov, Talwar and Zhang,
arXiv:1908.10530), for two logs that differ by one unit, converted to (epsilon, delta) as Canonne, Kamath and Steinke
(NeurIPS 2020) do. Google's `dp-accounting` does the arithmetic.
"""

from __future__ import annotations

import math

from dp_accounting import dp_event
from dp_accounting.rdp import RdpAccountant

NAME = "Renyi, subsampled Gaussian, Poisson sampling, add or remove one"
ORDERS = (*range(2, 65), 80, 96, 128, 192, 256, 384, 512, 1024)
"""Whole orders, for which the divergence is a finite sum."""

LEAST_NOISE, MOST_NOISE = 0.05, 1e4
PRECISION = 1e-4


def epsilon_of(noise: float, *, sampling_rate: float, steps: int, delta: float) -> float:
    """Compute the epsilon of some steps.

    Args:
        noise: standard deviation in units of the clipping bound, above 0.
        sampling_rate: chance of each unit to be in a step, above 0 and at most 1.
        steps: 0 or more.

    Returns:
        Infinity if the noise is too small for any bound.
    """
    if not steps:
        return 0.0
    accountant = RdpAccountant(ORDERS)
    step = dp_event.PoissonSampledDpEvent(sampling_rate, dp_event.GaussianDpEvent(noise))
    accountant.compose(dp_event.SelfComposedDpEvent(step, steps))
    return float(accountant.get_epsilon(delta))


def noise_for(epsilon: float, *, sampling_rate: float, steps: int, delta: float) -> float:
    """Find the least noise with which some steps stay within epsilon, up to one in ten thousand and never below it.

    Raises:
        ValueError: no noise that still leaves anything to be learnt is enough.
    """
    low, high = LEAST_NOISE, MOST_NOISE
    if not epsilon_of(high, sampling_rate=sampling_rate, steps=steps, delta=delta) <= epsilon:
        raise ValueError(f"no noise keeps {steps} steps within epsilon {epsilon:g} at delta {delta:g}")
    while high / low > 1 + PRECISION:
        middle = math.sqrt(low * high)
        if epsilon_of(middle, sampling_rate=sampling_rate, steps=steps, delta=delta) <= epsilon:
            high = middle
        else:
            low = middle
    return high
