"""The exploration head: how good creatives might be, given a ranking model's scores and what the log taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.exploration.posterior import BIAS, FIRST_WORD, SLOPE, Posterior, Reals

DRAWS = 64
"""Worlds of the ensemble: the largest propensity error against unlimited Thompson sampling is below
sqrt(1 / (4 x 64)) = .06 in standard deviations; against the policy that acts, it is zero."""
OPTIMISM = 1.0
SMALLEST = 1e-6


class Mode(StrEnum):
    """How uncertainty becomes values.

    THOMPSON: one value per draw from the posterior (Thompson, 1933; Chapelle and Li, NIPS 2011). LINUCB: the upper end
    of what is plausible, mean + optimism x standard deviation in log-odds (hybrid LinUCB: Li, Chu, Langford and
    Schapire, WWW 2010, section 3.2, here for a logistic model). MEAN: the mean alone, no exploration.
    """

    THOMPSON = "thompson"
    LINUCB = "linucb"
    MEAN = "mean"


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """What a head knows about each of N creatives, whatever the moment; made once per catalogue.

    Attributes:
        drawn: effects of creative and category in each world, float32, shape (worlds, N).
        directions: how the shared coefficients move each one's log-odds, shape (N, D).
        means: effects of creative and category, shape (N,).
        variances: of each one's own, whatever the shared coefficients are, shape (N,).
    """

    drawn: NDArray[np.float32] = field(repr=False)
    directions: Reals = field(repr=False)
    means: Reals = field(repr=False)
    variances: Reals = field(repr=False)

    def __len__(self) -> int:
        return len(self.means)

    def take(self, indices: NDArray[np.integer]) -> Arms:
        """Select some creatives by their places."""
        return Arms(
            self.drawn[:, indices], self.directions[indices], self.means[indices], self.variances[indices]
        )  # fmt: skip


class Head:
    """Turns a ranking model's scores into values that explore; never changes, safe to share between threads.

    The same document and the same number of draws give the same worlds in every process, so that a logged choice can
    be judged again later.
    """

    def __init__(self, posterior: Posterior, *, draws: int = DRAWS) -> None:
        """Prepare a posterior for serving.

        Args:
            draws: worlds of the ensemble, at least 1.
        """
        if draws < 1:
            raise ValueError(f"a head needs at least one draw, got {draws}")
        self.posterior = posterior
        self.draws = draws
        self.digest = posterior.digest()
        random = np.random.default_rng(int(self.digest[:16], 16))
        self._covariance = np.linalg.inv(posterior.schur())
        factor = np.linalg.cholesky(self._covariance)
        away = random.standard_normal((draws, len(posterior.shared))) @ factor.T
        self._shared = posterior.shared + away
        # Given the shared coefficients, creatives are independent: their means move along the coupling.
        self._regression = posterior.coupling / posterior.arm_precision[:, None]
        spreads = posterior.arm_precision**-0.5
        noise = random.standard_normal((draws, len(posterior.arms))) * spreads
        self._effects = posterior.effects - away @ self._regression.T + noise
        self._places = {word: FIRST_WORD + number for number, word in enumerate(posterior.words)}
        self._arms = {arm: number for number, arm in enumerate(posterior.arms)}

    def arms(self, keys: Sequence[str], categories: Sequence[str]) -> Arms:
        """Look creatives up; those nobody has seen yet have the prior.

        Args:
            keys, categories: of N creatives, the words the posterior was learnt from.
        """
        posterior, count = self.posterior, len(keys)
        numbers = np.array([self._arms.get(key, -1) for key in keys], dtype=np.intp)
        known = numbers >= 0
        drawn = np.empty((self.draws, count))
        drawn[:, known] = self._effects[:, numbers[known]]
        for place in np.flatnonzero(~known).tolist():
            drawn[:, place] = self._fresh(keys[place], posterior.prior.arm)
        means, variances = np.zeros(count), np.full(count, posterior.prior.arm**2)
        means[known], variances[known] = posterior.effects[numbers[known]], 1 / posterior.arm_precision[numbers[known]]
        directions = np.zeros((count, len(posterior.shared)))
        directions[known] = -self._regression[numbers[known]]
        for word in set(categories):
            members = np.array([category == word for category in categories])
            effect, mean, variance, column = self._word(f"category:{word}")
            drawn[:, members] += effect[:, None]
            means[members] += mean
            variances[members] += variance
            if column is not None:
                directions[members, column] += 1.0
        return Arms(drawn.astype(np.float32), directions, means, variances)

    def values(self, mode: Mode, arms: Arms, scores: Reals, scene: str, *, optimism: float = OPTIMISM) -> NDArray[Any]:
        """Return the chance of engagement of each creative as a mode sees it.

        Args:
            arms: of N creatives.
            scores: what the ranking model thinks of them, in [0, 1], shape (N,).
            optimism: standard deviations above the mean, for LinUCB.

        Returns:
            Within (0, 1]: float32, shape (worlds, N) for Thompson sampling; float64, shape (N,) otherwise.
        """
        logits = log_odds(scores)
        if mode is Mode.THOMPSON:
            return _chance(self._drawn(arms, logits, scene))
        mean, deviation = self.belief(arms, scores, scene)
        return _chance(mean + (optimism * deviation if mode is Mode.LINUCB else 0.0))

    def belief(self, arms: Arms, scores: Reals, scene: str) -> tuple[Reals, Reals]:
        """Return mean and standard deviation of each creative's log-odds, each of shape (N,)."""
        logits = log_odds(scores)
        lifted = logits - self.posterior.centre
        _, scene_mean, scene_variance, column = self._word(f"scene:{scene}")
        directions = arms.directions.copy()
        directions[:, BIAS] += 1.0
        directions[:, SLOPE] += lifted
        if column is not None:
            directions[:, column] += 1.0
        shared = self.posterior.shared
        mean = logits + shared[BIAS] + shared[SLOPE] * lifted + scene_mean + arms.means
        variance = ((directions @ self._covariance) * directions).sum(axis=1) + arms.variances + scene_variance
        return mean, np.sqrt(variance)

    def _drawn(self, arms: Arms, logits: Reals, scene: str) -> NDArray[np.float32]:
        moment = self._shared[:, BIAS] + self._word(f"scene:{scene}")[0]
        lifted = logits - self.posterior.centre
        slopes, moments = self._shared[:, SLOPE, None].astype(np.float32), moment[:, None].astype(np.float32)
        drawn: NDArray[np.float32] = slopes * lifted.astype(np.float32)
        drawn += logits.astype(np.float32)
        drawn += moments
        drawn += arms.drawn
        return drawn

    def _word(self, word: str) -> tuple[Reals, float, float, int | None]:
        """Return a word's effect in each world, its mean, its own variance, and its place; the prior if it is new."""
        place = self._places.get(word)
        if place is None:
            spread = self.posterior.prior.word
            return self._fresh(word, spread), 0.0, spread**2, None
        return self._shared[:, place], float(self.posterior.shared[place]), 0.0, place

    def _fresh(self, word: str, spread: float) -> Reals:
        seed = int.from_bytes(sha256(f"{self.digest}:{word}".encode()).digest()[:8])
        return np.random.default_rng(seed).standard_normal(self.draws) * spread


def log_odds(scores: Reals) -> Reals:
    """Return log-odds of probabilities, which are kept 1e-6 away from 0 and 1."""
    safe = np.clip(scores, SMALLEST, 1 - SMALLEST)
    odds: Reals = np.log(safe / (1 - safe))
    return odds


def _chance(logits: NDArray[Any]) -> NDArray[Any]:
    chance: NDArray[Any] = 1 / (1 + np.exp(-logits))
    return chance
