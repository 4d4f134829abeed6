"""Estimators of a policy's value from another policy's log: each row's share, ready for intervals.

Notation: w = target probability / propensity; r = reward; q = model of rewards; v = sum over actions of target
probability x q.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from recsys.offpolicy.log import LoggedChoices, Reals, Target, UnusableLog

SWITCH_AT = 10.0
"""Weights above this are left to the model of rewards by the switch estimator."""


class Estimator(StrEnum):
    """The estimators offered.

    IPS: inverse propensity scoring (Horvitz and Thompson, 1952; Precup et al., ICML 2000), unbiased, wide. SNIPS: the
    same divided by the mean weight (Swaminathan and Joachims, NeurIPS 2015), consistent, narrower. DM: the direct
    method, the model of rewards alone. DR: doubly robust (Dudik, Langford and Li, ICML 2011). SWITCH: doubly robust up
    to a weight, the model beyond it (Wang, Agarwal and Dudik, ICML 2017).
    """

    IPS = "ips"
    SNIPS = "snips"
    DM = "dm"
    DR = "dr"
    SWITCH = "switch-dr"

    @property
    def needs_model(self) -> bool:
        """Whether expected rewards must be given."""
        return self in (Estimator.DM, Estimator.DR, Estimator.SWITCH)


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """What each logged choice contributes: the estimate is sum of ``parts`` / sum of ``weights``.

    Attributes:
        parts, weights: float64, shape (n,).
    """

    parts: Reals
    weights: Reals

    @property
    def value(self) -> float:
        """The estimate."""
        return float(self.parts.sum() / self.weights.sum())


def weights(log: LoggedChoices, target: Target) -> Reals:
    """Return each logged choice's importance weight, float64, shape (n,)."""
    return target.of(log) / log.propensities


def effective_size(importance: Reals) -> float:
    """Return how many rows of the target policy's own the weighted log is worth: Kish's (sum w)^2 / sum w^2."""
    squares = float((importance**2).sum())
    return float(importance.sum()) ** 2 / squares if squares else 0.0


def shares(estimator: Estimator, log: LoggedChoices, target: Target, *, switch_at: float = SWITCH_AT) -> Shares:
    """Return what each logged choice contributes to an estimate.

    Raises:
        UnusableLog: the estimator needs expected rewards that are not given, or the shapes do not fit.
    """
    importance = weights(log, target)
    parts = _PARTS[estimator](log, target, importance, switch_at)
    return Shares(parts, importance if estimator is Estimator.SNIPS else np.ones(len(log)))


def _inverse_propensity(log: LoggedChoices, _target: Target, importance: Reals, _switch_at: float) -> Reals:
    return importance * log.rewards


def _direct(_log: LoggedChoices, target: Target, _importance: Reals, _switch_at: float) -> Reals:
    valued: Reals = (target.probabilities * _model(target)).sum(axis=1)
    return valued


def _doubly_robust(log: LoggedChoices, target: Target, importance: Reals, _switch_at: float) -> Reals:
    return _direct(log, target, importance, _switch_at) + importance * _surprise(log, target)


def _switched(log: LoggedChoices, target: Target, importance: Reals, switch_at: float) -> Reals:
    trusted = np.where(importance <= switch_at, importance, 0.0)
    return _direct(log, target, importance, switch_at) + trusted * _surprise(log, target)


def _surprise(log: LoggedChoices, target: Target) -> Reals:
    surprise: Reals = log.rewards - _model(target)[np.arange(len(log)), log.actions]
    return surprise


def _model(target: Target) -> Reals:
    if target.expected is None:
        raise UnusableLog("This estimator needs a model of rewards: give the expected reward of every action.")
    return target.expected


_PARTS: dict[Estimator, Callable[[LoggedChoices, Target, Reals, float], Reals]] = {
    Estimator.IPS: _inverse_propensity,
    Estimator.SNIPS: _inverse_propensity,
    Estimator.DM: _direct,
    Estimator.DR: _doubly_robust,
    Estimator.SWITCH: _switched,
}
