"""Shares of engagements that few rows do not swing far."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

PRIOR_ROWS: Final = 20.0
"""Rows of the base rate that stand beside those that were counted."""


def smoothed(positives: NDArray[Any], rows: NDArray[Any], base: float) -> NDArray[np.float64]:
    """Draw shares of positive rows to the base rate by twenty rows, elementwise.

    The mean of a Beta distribution whose prior has the base rate for its mean and weighs twenty rows.

    Args:
        positives, rows: how many there were, non-negative, of one shape; of no rows the share is the base rate.
        base: between 0 and 1.
    """
    shares: NDArray[np.float64] = (positives + PRIOR_ROWS * base) / (rows + PRIOR_ROWS)
    return shares
