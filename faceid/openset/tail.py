"""The far tail of impostor scores: how often a stranger scores higher than any stranger seen so far."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_EXCEEDANCES = 15


@dataclass(frozen=True, slots=True)
class ParetoTail:
    """A generalised Pareto distribution above a level (Pickands, Annals of Statistics 3(1), 1975).

    Attributes:
        level: score above which it holds.
        share: share of all scores above it.
        shape: xi; negative where scores have a greatest value, as cosines do.
        scale: sigma, in units of the score.
    """

    level: float
    share: float
    shape: float
    scale: float

    @classmethod
    def fit(cls, scores: Array) -> Self:
        """Fit to the largest scores: min(n / 5, 3 sqrt n) of them (Vehtari et al., JMLR 25, 2024, section 2).

        Args:
            scores: finite, float64, shape (n,).

        Raises:
            ValueError: fewer than 15 scores would be above the level.

        Estimator: Zhang and Stephens, Technometrics 51(3), 2009: a posterior mean over a grid, without iteration.
        """
        ordered = np.sort(scores)
        count = int(min(len(ordered) / 5, 3.0 * np.sqrt(len(ordered))))
        if count < LEAST_EXCEEDANCES:
            raise ValueError(f"{len(ordered)} scores have too short a tail: 75 are needed.")
        level = float(ordered[-count - 1])
        shape, scale = _estimate(ordered[-count:] - level)
        return cls(level, count / len(ordered), shape, scale)

    def rate_above(self, threshold: float) -> float:
        """Return the share of scores at or above a threshold, 0 to 1; at most ``share`` below the level."""
        beyond = max(threshold - self.level, 0.0) / self.scale
        if abs(self.shape) < 1e-9:
            return self.share * float(np.exp(-beyond))
        inside = 1.0 + self.shape * beyond
        return self.share * float(inside ** (-1.0 / self.shape)) if inside > 0 else 0.0

    def threshold_at(self, rate: float) -> float:
        """Return the threshold that a share of ``rate`` reaches, at most 1.

        Raises:
            ValueError: the rate lies above ``share``, where the tail says nothing.
        """
        if not 0.0 < rate <= self.share:
            raise ValueError(f"The tail describes rates up to {self.share}, not {rate}.")
        ratio = self.share / rate
        beyond = np.log(ratio) if abs(self.shape) < 1e-9 else (ratio**self.shape - 1.0) / self.shape
        return min(self.level + self.scale * float(beyond), 1.0)


def _estimate(exceedances: Array) -> tuple[float, float]:
    values = np.sort(np.maximum(exceedances, 1e-12))
    grid = 20 + int(np.sqrt(len(values)))
    quartile = values[int(len(values) / 4 + 0.5) - 1]
    places = 1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    slopes = 1.0 / values[-1] + places / (3.0 * quartile)
    shapes = np.log1p(-slopes[:, None] * values).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihoods = len(values) * (np.log(-slopes / shapes) - shapes - 1.0)
    likelihoods[~np.isfinite(likelihoods)] = -np.inf
    weights = np.exp(likelihoods - likelihoods.max())
    slope = float(np.sum(slopes * weights) / weights.sum())
    shape = float(np.log1p(-slope * values).mean())
    if abs(slope) < 1e-12:
        return 0.0, float(values.mean())
    return shape, -shape / slope
