"""Fitting the fusion of the methods, and choosing thresholds, on people and attacks that no method learnt from."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from faceid.liveness.fusion import UNFITTED, Fusion, limited, probability
from faceid.liveness.method import Evidence
from faceid.liveness.policy import Purpose, Rate, Target

_DROPPED = 0.25
_PULL = 2.0


def fit_fusion(
    evidence: Sequence[Sequence[Evidence]], live: NDArray[np.bool_], weights: NDArray[np.float64], *, seed: int = 0
) -> Fusion:
    """Fit weights and bias by logistic regression.

    Every capture counts twice, the second time with a quarter of its evidence lost, so that the weights also hold
    where a method is missing. Weights are not negative and drawn towards ``UNFITTED``.

    Args:
        evidence: per capture, what every method said.
        live: shape (n,).
        weights: of the captures, positive, shape (n,).
        seed: of the loss.
    """
    methods = sorted({one.method for capture in evidence for one in capture})
    scores = table(evidence, methods)
    kept = np.random.default_rng(seed).random(scores.shape) >= _DROPPED
    design, target = np.concatenate([scores, scores * kept]), np.concatenate([live, live]).astype(np.float64)
    share = np.concatenate([weights, weights])
    share = share * (len(live) / share.sum())

    def cost(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = design @ parameters[:-1] + parameters[-1]
        loss = float(share @ (np.logaddexp(0.0, odds) - target * odds))
        away = parameters[:-1] - UNFITTED
        slope = share * (0.5 + 0.5 * np.tanh(odds / 2.0) - target)
        gradient = np.append(design.T @ slope + 2 * _PULL * away, slope.sum())
        return loss + _PULL * float(away @ away), gradient

    start = np.append(np.full(len(methods), UNFITTED), 0.0)
    bounds = [(0.0, 2.0)] * len(methods) + [(-3.0, 3.0)]
    best = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Fusion(tuple(zip(methods, (float(value) for value in best[:-1]), strict=True)), float(best[-1]))


def table(evidence: Sequence[Sequence[Evidence]], methods: Sequence[str]) -> NDArray[np.float64]:
    """Lay scores out, 0 where a method had nothing to say; float64, shape (captures, methods)."""
    place = {method: index for index, method in enumerate(methods)}
    scores = np.zeros((len(evidence), len(methods)))
    for row, capture in enumerate(evidence):
        for one in capture:
            scores[row, place[one.method]] = limited(one.score)
    return scores


def choose_thresholds(
    scores: NDArray[np.float64], species: Sequence[str | None], targets: Mapping[Purpose, Target]
) -> dict[Purpose, float]:
    """Choose for every purpose the threshold that keeps its target.

    Args:
        scores: probabilities of a living person, shape (n,).
        species: of each capture, None for living people; both occur.
        targets: what to keep. Enrolment is never lighter than a screen.
    """
    kinds = np.array([one or "" for one in species])
    chosen = {purpose: _threshold(scores, kinds, target) for purpose, target in targets.items()}
    chosen[Purpose.ENROLMENT] = max(chosen[Purpose.ENROLMENT], chosen[Purpose.SCREEN])
    return chosen


def usual_scores(evidence: Sequence[Sequence[Evidence]], live: NDArray[np.bool_]) -> dict[str, float]:
    """Return by method the median log-odds of the living people among captures."""
    seen: dict[str, list[float]] = {}
    for capture, alive in zip(evidence, live, strict=True):
        for one in capture if alive else ():
            seen.setdefault(one.method, []).append(limited(one.score))
    return {method: float(np.median(values)) for method, values in sorted(seen.items())}


def probabilities(fusion: Fusion, evidence: Sequence[Sequence[Evidence]]) -> NDArray[np.float64]:
    """Return the fused probability of every capture, shape (n,)."""
    return np.array([probability(fusion.log_odds(capture)) for capture in evidence])


def expected_error(scores: NDArray[np.float64], live: NDArray[np.bool_], weights: NDArray[np.float64]) -> float:
    """Return the expected calibration error in ten equal bins, 0 to 1 (Naeini, Cooper, Hauskrecht, AAAI 2015)."""
    bins = np.minimum((scores * 10).astype(np.int64), 9)
    share = weights / weights.sum()
    gaps = np.bincount(bins, share * (scores - live), minlength=10)
    return float(np.abs(gaps).sum())


def _threshold(scores: NDArray[np.float64], kinds: NDArray[np.str_], target: Target) -> float:
    if target.rate is Rate.BPCER:
        return float(np.quantile(scores[kinds == ""], target.most, method="lower"))
    worst = max(float(np.quantile(scores[kinds == kind], 1.0 - target.most)) for kind in set(kinds) if kind)
    return float(min(1.0, np.nextafter(worst, 1.0)))
