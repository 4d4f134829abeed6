"""Learn a posterior from what was shown and what came of it: logistic regression with a Laplace approximation."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys.exploration.posterior import BIAS, FIRST_WORD, SLOPE, Posterior, Prior, Reals

ARM_SPREADS = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Standard deviations of creatives' effects among which the evidence chooses."""
STEPS = 50
TOLERANCE = 1e-9
STEEPEST = 15.0
"""Log-odds are kept within this: beyond it a float knows no difference from certainty."""


class UnusableObservations(ValueError):
    """What was observed cannot be learnt from."""


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Plays, counted where place, category, creative and the ranking model's score are the same; all of length n.

    Attributes:
        scenes, categories, creatives: words.
        logits: log-odds of the score the ranking model gave when it was shown, float64.
        plays, engaged: counts; engaged at most plays.
        positions: places in the slate, from 0; empty when all were first.
    """

    scenes: tuple[str, ...]
    categories: tuple[str, ...]
    creatives: tuple[str, ...]
    logits: Reals = field(repr=False)
    plays: NDArray[np.int64] = field(repr=False)
    engaged: NDArray[np.int64] = field(repr=False)
    positions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            UnusableObservations: columns of different lengths, log-odds that are no numbers, or impossible counts.
        """
        columns = (self.scenes, self.categories, self.creatives, self.logits, self.plays, self.engaged)
        if len({len(column) for column in columns}) != 1:
            raise UnusableObservations(f"Columns must be of one length, got {[len(column) for column in columns]}.")
        if len(self.positions) not in (0, len(self.creatives)) or min(self.positions, default=0) < 0:
            raise UnusableObservations("Positions must be given for every row, from 0, or for none.")
        if not np.isfinite(self.logits).all():
            raise UnusableObservations("Log-odds must be finite numbers; leave out plays without a real score.")
        if (self.plays < 1).any() or (self.engaged < 0).any() or (self.engaged > self.plays).any():
            raise UnusableObservations("Each row needs at least one play, and from 0 to that many engagements.")

    def __len__(self) -> int:
        return len(self.creatives)

    def words(self) -> list[tuple[str, ...]]:
        """Return the shared features of each kind; the first place, at which decisions are made, is none."""
        behind = tuple(f"position:{place}" if place else "" for place in self.positions)
        kinds = [tuple(f"scene:{word}" for word in self.scenes), tuple(f"category:{word}" for word in self.categories)]
        return [*kinds, behind] if behind else kinds


def learn(observations: Observations, prior: Prior | None = None) -> Posterior:
    """Return what the observations teach.

    Args:
        prior: how far effects may be from 0; None lets the evidence choose the spread of the creatives' effects
            (MacKay, "Bayesian interpolation", Neural Computation 4, 1992), the other spreads being `Prior`'s.

    The mode is found by Newton's method, the precision is the Hessian there (MacKay, "The evidence framework applied to
    classification networks", 1992; as used for Thompson sampling by Chapelle and Li, NIPS 2011, there with a diagonal).
    Creatives are eliminated first, so the cost grows with their number and not with its cube.
    """
    if prior is not None:
        return _fitted(observations, prior)[0]
    found = [_fitted(observations, Prior(arm=spread)) for spread in ARM_SPREADS]
    return max(found, key=lambda one: one[1])[0]


@dataclass(slots=True, eq=False)
class _Problem:
    """The observations as matrices: features (n, D), codes of arms (n,), offsets (n,), prior precisions."""

    features: Reals
    arms: NDArray[np.intp]
    offsets: Reals
    plays: Reals
    engaged: Reals
    shared_prior: Reals
    arm_prior: float
    count: int

    def logits(self, shared: Reals, effects: Reals) -> Reals:
        steep: Reals = self.offsets + self.features @ shared + effects[self.arms]
        return np.clip(steep, -STEEPEST, STEEPEST)

    def loss(self, shared: Reals, effects: Reals) -> float:
        logits = self.logits(shared, effects)
        likelihood = (self.plays * np.logaddexp(0, logits) - self.engaged * logits).sum()
        return float(likelihood + (self.shared_prior * shared**2).sum() / 2 + self.arm_prior * (effects**2).sum() / 2)

    def by_arm(self, values: Reals) -> Reals:
        sums: Reals = np.bincount(self.arms, weights=values, minlength=self.count).astype(np.float64)
        return sums

    def hessian(self, shared: Reals, effects: Reals) -> tuple[Reals, Reals, Reals]:
        chance = 1 / (1 + np.exp(-self.logits(shared, effects)))
        weights = self.plays * chance * (1 - chance)
        weighed = self.features * weights[:, None]
        coupling = np.stack([self.by_arm(column) for column in weighed.T], axis=1)
        precision = self.features.T @ weighed + np.diag(self.shared_prior)
        return precision, coupling, self.by_arm(weights) + self.arm_prior


def _fitted(observations: Observations, prior: Prior) -> tuple[Posterior, float]:
    """Return the posterior and the log evidence of its prior (up to what all priors share)."""
    words = tuple(sorted({word for kind in observations.words() for word in kind if word}))
    arms = tuple(sorted(set(observations.creatives)))
    centre = float(np.average(observations.logits, weights=observations.plays)) if len(observations) else 0.0
    problem = _problem(observations, prior, words, arms, centre)
    shared, effects = _mode(problem)
    precision, coupling, arm_precision = problem.hessian(shared, effects)
    posterior = Posterior(
        words=words, arms=arms, shared=shared, effects=effects, precision=precision, coupling=coupling,
        arm_precision=arm_precision, prior=prior, centre=centre, plays=int(observations.plays.sum()),
        engaged=int(observations.engaged.sum()),
    )  # fmt: skip
    before = np.log(problem.shared_prior).sum() + problem.count * np.log(problem.arm_prior)
    after = np.linalg.slogdet(posterior.schur())[1] + np.log(arm_precision).sum()
    return posterior, -problem.loss(shared, effects) + float(before - after) / 2


def _problem(
    observations: Observations, prior: Prior, words: tuple[str, ...], arms: tuple[str, ...], centre: float
) -> _Problem:
    places = {word: FIRST_WORD + number for number, word in enumerate(words)}
    features = np.zeros((len(observations), FIRST_WORD + len(words)))
    features[:, BIAS] = 1.0
    features[:, SLOPE] = observations.logits - centre
    for kind in observations.words():
        marked = [row for row, word in enumerate(kind) if word]
        features[marked, [places[kind[row]] for row in marked]] = 1.0
    numbers = {arm: number for number, arm in enumerate(arms)}
    spreads = np.full(features.shape[1], prior.word)
    spreads[BIAS], spreads[SLOPE] = prior.bias, prior.slope
    return _Problem(
        features=features,
        arms=np.array([numbers[arm] for arm in observations.creatives], dtype=np.intp),
        offsets=observations.logits,
        plays=observations.plays.astype(np.float64),
        engaged=observations.engaged.astype(np.float64),
        shared_prior=spreads**-2.0,
        arm_prior=prior.arm**-2.0,
        count=len(arms),
    )


def _mode(problem: _Problem) -> tuple[Reals, Reals]:
    shared, effects = np.zeros(len(problem.shared_prior)), np.zeros(problem.count)
    loss = problem.loss(shared, effects)
    for _ in range(STEPS):
        step_shared, step_effects = _step(problem, shared, effects)
        scale = 1.0
        while scale > 1e-6 and problem.loss(shared - scale * step_shared, effects - scale * step_effects) > loss:
            scale /= 2
        shared, effects = shared - scale * step_shared, effects - scale * step_effects
        before, loss = loss, problem.loss(shared, effects)
        if before - loss < TOLERANCE * max(1.0, abs(loss)):
            break
    return shared, effects


def _step(problem: _Problem, shared: Reals, effects: Reals) -> tuple[Reals, Reals]:
    """Return Newton's step; the creatives' block is diagonal and is eliminated (Schur complement)."""
    logits = problem.logits(shared, effects)
    residuals = problem.plays / (1 + np.exp(-logits)) - problem.engaged
    slope = problem.features.T @ residuals + problem.shared_prior * shared
    slopes = problem.by_arm(residuals) + problem.arm_prior * effects
    precision, coupling, arm_precision = problem.hessian(shared, effects)
    reduced = precision - (coupling.T / arm_precision) @ coupling
    step = np.linalg.solve(reduced, slope - coupling.T @ (slopes / arm_precision))
    return step, (slopes - coupling @ step) / arm_precision
