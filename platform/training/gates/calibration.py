"""Whether a calibration error is more than chance would give a model that means what it says."""

import numpy as np
from numpy.typing import NDArray

from recsys.training.metrics import BINS

DRAWS = 200
QUANTILE = 0.95


def chance_error(scores: NDArray[np.float64], seed: int = 0) -> float:
    """Return the calibration error that a perfectly calibrated model with these scores stays below 95 times in 100.

    Consistency resampling: labels are drawn from the scores themselves (Bröcker and Smith, Weather and Forecasting 22,
    2007; Vaicenavicius et al., AISTATS 2019). Labels are drawn bin by bin, as sums: each has the mean and the variance
    of its rows' Bernoulli variables and, with many rows, their normal distribution.

    Args:
        scores: probabilities, shape (rows,), one row at least.
    """
    bin_of = np.minimum((scores * BINS).astype(np.intp), BINS - 1)
    variance = np.bincount(bin_of, weights=scores * (1 - scores), minlength=BINS)
    gaps = np.random.default_rng(seed).normal(0.0, np.sqrt(variance), (DRAWS, BINS))
    return float(np.quantile(np.abs(gaps).sum(axis=1), QUANTILE) / len(scores))
