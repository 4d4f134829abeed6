"""From raw cosines to probabilities, once calibrated on labelled pairs; before that a score is a cosine and no more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_PAIRS = 20
"""Pairs of each kind below which no probability is offered."""

_STEPS = 100
_MOST_EVIDENCE = 20.0
"""Bound on the log likelihood ratio that isotonic regression may claim: beyond it, it only extrapolates."""


class Curve(StrEnum):
    """The shape that is fitted."""

    LOGISTIC = "logistic"
    ISOTONIC = "isotonic"


@dataclass(frozen=True, slots=True)
class CalibratedScore:
    """A raw cosine and what it means.

    Attributes:
        cosine: raw, -1 to 1.
        probability: that both pictures show one person, 0 to 1, given the prior.
        prior: probability of that before looking, 0 to 1.
    """

    cosine: float
    probability: float
    prior: float


@dataclass(frozen=True, slots=True)
class ScoreCalibrator:
    """Log likelihood ratio as a function of the cosine: straight (logistic) or piecewise constant (isotonic).

    Attributes:
        curve: shape.
        knots: cosines, ascending; the logistic curve has none.
        evidence: natural log likelihood ratio at each knot; for the logistic curve slope and intercept.
        genuine, impostor: pairs it was fitted on.
    """

    curve: Curve
    knots: tuple[float, ...] = field(repr=False)
    evidence: tuple[float, ...] = field(repr=False)
    genuine: int
    impostor: int

    @classmethod
    def fit(cls, genuine: Array, impostor: Array, curve: Curve = Curve.LOGISTIC) -> Self:
        """Fit on cosines of labelled pairs; both kinds weigh the same however many there are.

        Args:
            genuine, impostor: finite cosines, float64, shapes (g,) and (i,), at least twenty of each.

        Raises:
            ValueError: too few pairs.

        Logistic: Platt, 1999, with the regularised targets and Newton's method of Lin, Lin and Weng, Machine Learning
        68(3), 2007. Isotonic: pool adjacent violators, Zadrozny and Elkan, KDD 2002. Likelihood ratios instead of
        posteriors: Brümmer and du Preez, Computer Speech and Language 20(2-3), 2006.
        """
        if min(len(genuine), len(impostor)) < LEAST_PAIRS:
            raise ValueError(f"{len(genuine)} and {len(impostor)} pairs are too few: {LEAST_PAIRS} of each are needed.")
        knots, evidence = (_logistic if curve is Curve.LOGISTIC else _isotonic)(genuine, impostor)
        return cls(curve, knots, evidence, len(genuine), len(impostor))

    def log_likelihood_ratio(self, cosines: Array) -> Array:
        """Return how much more likely one person is than two, natural logarithm, shape as ``cosines``."""
        if self.curve is Curve.LOGISTIC:
            slope, intercept = self.evidence
            return slope * np.asarray(cosines, dtype=np.float64) + intercept
        place = np.clip(np.searchsorted(self.knots, cosines, side="right") - 1, 0, len(self.knots) - 1)
        ratio: Array = np.asarray(self.evidence)[place]
        return ratio

    def probabilities(self, cosines: Array, prior: float = 0.5) -> Array:
        """Return the probability of one person given each cosine and a prior, by Bayes' rule, 0 to 1.

        Args:
            cosines: raw, -1 to 1, float64, any shape.
            prior: probability of one person before looking, above 0 and below 1.

        Returns:
            float64, shape as ``cosines``.

        Raises:
            ValueError: the prior is not strictly between 0 and 1.
        """
        if not 0.0 < prior < 1.0:
            raise ValueError(f"A prior lies strictly between 0 and 1, not at {prior}.")
        odds = self.log_likelihood_ratio(np.asarray(cosines, dtype=np.float64)) + np.log(prior / (1.0 - prior))
        return _sigmoid(odds)

    def score(self, cosine: float, prior: float = 0.5) -> CalibratedScore:
        """Return one cosine with its probability; see :meth:`probabilities`."""
        return CalibratedScore(cosine, float(self.probabilities(np.array([cosine]), prior)[0]), prior)

    def fields(self) -> dict[str, Any]:
        """Return the calibrator as an object of JSON."""
        return {
            "curve": str(self.curve), "knots": list(self.knots), "evidence": list(self.evidence),
            "genuine": self.genuine, "impostor": self.impostor,
        }  # fmt: skip

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Make a calibrator of what :meth:`fields` returned.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        curve = Curve(fields["curve"])
        knots, evidence = (tuple(float(one) for one in fields[name]) for name in ("knots", "evidence"))
        if not np.isfinite([*knots, *evidence]).all() or list(knots) != sorted(knots):
            raise ValueError("knots and evidence are ascending and finite numbers")
        if len(evidence) != (2 if curve is Curve.LOGISTIC else max(len(knots), 1)):
            raise ValueError("as many numbers as the curve has")
        return cls(curve, knots, evidence, int(fields["genuine"]), int(fields["impostor"]))


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far probabilities keep what they say, on pairs they were not fitted on.

    Attributes:
        expected_calibration_error: mean distance between said and observed share, weighted by pairs, 0 to 1
            (Naeini, Cooper and Hauskrecht, AAAI 2015; ten bins of equal width, both kinds weighing the same).
        log_likelihood_cost: Cllr in bits: 0 is perfect, 1 says nothing (Brümmer and du Preez, 2006).
        bins: per bin with pairs: mean probability said, share observed, share of all pairs.
    """

    expected_calibration_error: float
    log_likelihood_cost: float
    bins: tuple[tuple[float, float, float], ...]


def reliability(probability: Array, same: NDArray[np.bool_], bins: int = 10) -> Reliability:
    """Measure calibration at equal priors.

    Args:
        probability: 0 to 1, shape (n,), made with prior one half.
        same: bool, shape (n,); both kinds must occur.
        bins: of equal width.
    """
    weights = np.where(same, 0.5 / max(same.sum(), 1), 0.5 / max((~same).sum(), 1))
    place = np.clip((probability * bins).astype(np.int64), 0, bins - 1)
    mass = np.bincount(place, weights, bins)
    said, seen = np.bincount(place, weights * probability, bins), np.bincount(place, weights * same, bins)
    full = np.flatnonzero(mass > 0)
    error = float(np.sum(np.abs(said[full] - seen[full])))
    right = np.clip(np.where(same, probability, 1.0 - probability), 1e-12, 1.0)
    cost = float(np.sum(weights * -np.log2(right)))
    rows = tuple((float(said[b] / mass[b]), float(seen[b] / mass[b]), float(mass[b])) for b in full)
    return Reliability(error, cost, rows)


def cross_fitted(genuine: Array, impostor: Array, curve: Curve, *, folds: int = 5, seed: int = 1) -> Reliability:
    """Measure the calibration of pairs by curves fitted on the other folds, so that nothing judges itself.

    Args:
        genuine, impostor: finite cosines of pairs of one person and of two, float64, shapes (g,) and (i,).
        curve: shape to fit.
        folds: parts that each kind is dealt into, two or more; every pair is judged once, by the curve of the others.
        seed: of the dealing.

    Raises:
        ValueError: fewer than twenty pairs of a kind are left to fit on when a fold is held out.
    """
    random = np.random.default_rng(seed)
    sides = [random.permutation(len(scores)) % folds for scores in (genuine, impostor)]
    said, same = [], []
    for fold in range(folds):
        fitted = ScoreCalibrator.fit(genuine[sides[0] != fold], impostor[sides[1] != fold], curve)
        for scores, side, label in ((genuine, sides[0], True), (impostor, sides[1], False)):
            held = scores[side == fold]
            said.append(fitted.probabilities(held))
            same.append(np.full(len(held), label))
    return reliability(np.concatenate(said), np.concatenate(same))


def _logistic(genuine: Array, impostor: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    scores = np.concatenate([genuine, impostor])
    targets = np.concatenate([
        np.full(len(genuine), (len(genuine) + 1) / (len(genuine) + 2)),
        np.full(len(impostor), 1 / (len(impostor) + 2)),
    ])  # fmt: skip
    weights = np.concatenate([
        np.full(len(genuine), 0.5 / len(genuine)), np.full(len(impostor), 0.5 / len(impostor))
    ])  # fmt: skip
    design = np.stack([scores, np.ones_like(scores)], axis=1)
    line = np.zeros(2)

    def cost(candidate: Array) -> float:
        z = design @ candidate
        return float(np.sum(weights * (np.logaddexp(0.0, z) - targets * z)))

    now = cost(line)
    for _ in range(_STEPS):
        said = _sigmoid(design @ line)
        slope = design.T @ (weights * (said - targets))
        bend = (design * (weights * said * (1 - said))[:, None]).T @ design + 1e-10 * np.eye(2)
        step, size = np.linalg.solve(bend, slope), 1.0
        while size > 1e-10 and (then := cost(line - size * step)) > now:
            size /= 2
        if size <= 1e-10 or now - then < 1e-12:
            break
        line, now = line - size * step, then
    return (), (float(line[0]), float(line[1]))


def _isotonic(genuine: Array, impostor: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    scores = np.concatenate([genuine, impostor])
    same = np.concatenate([np.ones(len(genuine)), np.zeros(len(impostor))])
    weights = np.where(same > 0, 0.5 / len(genuine), 0.5 / len(impostor))
    levels, place = np.unique(scores, return_inverse=True)
    mass, hits = np.bincount(place, weights), np.bincount(place, weights * same)
    blocks: list[tuple[float, float, float]] = []
    for knot, heavy, good in zip(levels.tolist(), mass.tolist(), hits.tolist(), strict=True):
        block = (knot, heavy, good)
        while blocks and blocks[-1][2] * block[1] >= block[2] * blocks[-1][1]:
            first, before, better = blocks.pop()
            block = (first, before + block[1], better + block[2])
        blocks.append(block)
    knots = tuple(first for first, _, _ in blocks)
    shares = np.clip([good / heavy for _, heavy, good in blocks], 1e-300, 1.0)
    # At equal priors the posterior's log odds are the log likelihood ratio.
    with np.errstate(divide="ignore"):
        evidence = np.log(shares) - np.log1p(-np.clip(shares, 0.0, 1.0 - 1e-16))
    bounded = np.clip(evidence, -_MOST_EVIDENCE, _MOST_EVIDENCE)
    return knots, tuple(float(one) for one in bounded)


def _sigmoid(z: Array) -> Array:
    positive = 1.0 / (1.0 + np.exp(-np.abs(z)))
    value: Array = np.where(z >= 0, positive, 1.0 - positive)
    return value
