"""Estimates with intervals, beside what the logging policy earned, and refused where the log says too little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.offpolicy.estimators import SWITCH_AT, Estimator, Shares, effective_size, shares, weights
from recsys.offpolicy.log import LoggedChoices, Reals, Target, UnusableLog

LEVEL = 0.95
ROUNDS = 2000
FLOOR = 50.0
"""Least effective sample: below it one lucky row decides, and an interval would only hide that."""

_CELLS = 4_000_000


class TooLittleOverlap(UnusableLog):
    """The logging policy almost never did what the target policy would do."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its percentile-bootstrap interval (Efron and Tibshirani, 1993, ch. 13)."""

    value: float
    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known about a target policy.

    Attributes:
        rows: logged choices.
        effective: how many rows of the target's own they are worth.
        largest_weight: of one row.
        logged: mean reward of the logging policy, on-policy.
        values: the target's, by estimator.
        lifts: the target's minus the logging policy's, or minus that of the policy it was judged against, by estimator;
            both sides resampled together.
    """

    rows: int
    effective: float
    largest_weight: float
    logged: Interval
    values: dict[Estimator, Interval]
    lifts: dict[Estimator, Interval]


def judge(
    log: LoggedChoices,
    target: Target,
    *,
    against: Target | None = None,
    groups: NDArray[np.integer[Any]] | None = None,
    estimators: Sequence[Estimator] | None = None,
    switch_at: float = SWITCH_AT,
    level: float = LEVEL,
    rounds: int = ROUNDS,
    floor: float = FLOOR,
    seed: int = 0,
) -> Judgement:
    """Estimate what a policy would have earned on the choices of a log.

    Args:
        against: another policy that lifts are over, instead of the logging one.
        groups: codes of rows that are not independent (one person's), int, shape (n,), from 0: they are resampled
            together (cluster bootstrap: Cameron, Gelbach and Miller, 2008). None where each row stands by itself.
        estimators: which; all that the target has what it takes for, unless given.
        switch_at: weight from which the switch estimator trusts the model.
        level: of the intervals, between 0 and 1.
        rounds: bootstrap samples.
        floor: least effective sample size.

    Raises:
        TooLittleOverlap: the effective sample of a policy is below ``floor``.
        UnusableLog: the log or the target cannot be used; says why.
    """
    importance = weights(log, target)
    effective = _enough(log, importance, floor)
    if against is not None:
        _enough(log, weights(log, against), floor)
    if estimators is None:
        estimators = [one for one in Estimator if target.expected is not None or not one.needs_model]
    found = {one: shares(one, log, target, switch_at=switch_at) for one in estimators}
    logged = Shares(log.rewards, np.ones(len(log)))
    others = {one: logged if against is None else shares(one, log, against, switch_at=switch_at) for one in found}
    columns = [logged, *found.values(), *others.values()]
    drawn = np.concatenate(list(_replicates(columns, rounds, seed, groups)))
    ends = [100 * (1 - level) / 2, 100 * (1 + level) / 2]

    def interval(value: float, replicates: Reals) -> Interval:
        low, high = np.percentile(replicates, ends)
        return Interval(value, float(low), float(high))

    return Judgement(
        rows=len(log),
        effective=effective,
        largest_weight=float(importance.max()),
        logged=interval(logged.value, drawn[:, 0]),
        values={one: interval(found[one].value, drawn[:, place]) for place, one in enumerate(found, 1)},
        lifts={
            one: interval(found[one].value - others[one].value, drawn[:, place] - drawn[:, place + len(found)])
            for place, one in enumerate(found, 1)
        },
    )


def _enough(log: LoggedChoices, importance: Reals, floor: float) -> float:
    effective = effective_size(importance)
    if effective < floor:
        raise TooLittleOverlap(
            f"The {len(log):,} logged choices are worth {effective:.1f} of the target policy's own; at least"
            f" {floor:g} are needed. Log with more exploration, or judge a policy closer to the logged one."
        )
    return effective


def _replicates(
    columns: Sequence[Shares], rounds: int, seed: int, groups: NDArray[np.integer[Any]] | None
) -> Iterator[Reals]:
    """Yield bootstrap replicates of all columns on the same resampled rows or groups, shape (some, columns)."""
    generator = np.random.default_rng(seed)
    parts = np.stack([_summed(column.parts, groups) for column in columns], axis=1)
    divisors = np.stack([_summed(column.weights, groups) for column in columns], axis=1)
    rows = len(parts)
    chunk = max(1, _CELLS // rows)
    for begin in range(0, rounds, chunk):
        times = generator.multinomial(rows, np.full(rows, 1 / rows), size=min(chunk, rounds - begin)).astype(np.float64)
        yield (times @ parts) / (times @ divisors)


def _summed(values: Reals, groups: NDArray[np.integer[Any]] | None) -> Reals:
    """Return the sums of groups that hold rows, or the values themselves."""
    if groups is None:
        return values
    if len(groups) != len(values):
        raise UnusableLog(f"Groups must be given for each of the {len(values)} choices, got {len(groups)}.")
    sums: Reals = np.bincount(groups, weights=values).astype(np.float64)
    return sums[np.bincount(groups) > 0]
