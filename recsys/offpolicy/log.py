"""A log of choices made with known probabilities, and what another policy would have chosen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


class UnusableLog(ValueError):
    """The log or the policy cannot be used for an estimate."""


@dataclass(frozen=True, slots=True, eq=False)
class LoggedChoices:
    """Choices of one action each, made by the logging policy.

    Attributes:
        actions: what was chosen, int64, shape (n,), 0 to actions - 1.
        rewards: what it earned, float64, shape (n,), finite.
        propensities: probability with which the logging policy chose it then, float64, shape (n,), above 0, at most 1.
    """

    actions: NDArray[np.int64] = field(repr=False)
    rewards: Reals = field(repr=False)
    propensities: Reals = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what no estimate can be made from.

        Raises:
            UnusableLog: nothing in it, columns of different lengths, or values out of range; says which.
        """
        if not len(self.actions):
            raise UnusableLog("The log is empty; at least one choice is needed.")
        if not len(self.actions) == len(self.rewards) == len(self.propensities):
            raise UnusableLog("Actions, rewards and propensities must be of one length.")
        if self.actions.min() < 0:
            raise UnusableLog("Actions are numbered from 0.")
        if not np.isfinite(self.rewards).all():
            raise UnusableLog(f"{np.count_nonzero(~np.isfinite(self.rewards))} rewards are not finite numbers.")
        wrong = ~((self.propensities > 0) & (self.propensities <= 1))
        if wrong.any():
            raise UnusableLog(
                f"{np.count_nonzero(wrong)} propensities are not above 0 and at most 1: the log must say how likely"
                " each choice was when it was made; rows without that cannot be used."
            )

    def __len__(self) -> int:
        return len(self.actions)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The policy to be judged, at every logged choice.

    Attributes:
        probabilities: of every action, float64, shape (n, actions); rows sum to 1.
        expected: what each action is thought to earn, float64, shape (n, actions); None for estimators that need no
            model of rewards.
    """

    probabilities: Reals = field(repr=False)
    expected: Reals | None = field(default=None, repr=False)

    def of(self, log: LoggedChoices) -> Reals:
        """Return the probability of each logged action under this policy, float64, shape (n,).

        Raises:
            UnusableLog: the shapes do not fit the log, or a row is no distribution.
        """
        rows, actions = self.probabilities.shape
        if rows != len(log) or actions <= log.actions.max():
            raise UnusableLog(
                f"The policy is given for {rows} choices of {actions} actions, the log holds {len(log)} of at least"
                f" {int(log.actions.max()) + 1}."
            )
        if self.expected is not None and self.expected.shape != self.probabilities.shape:
            raise UnusableLog("The expected rewards must have the shape of the probabilities.")
        sums = self.probabilities.sum(axis=1)
        if (self.probabilities < 0).any() or not np.allclose(sums, 1.0, atol=1e-6):
            raise UnusableLog("Each row of the policy must be a distribution: nothing negative, the sum 1.")
        chosen: Reals = self.probabilities[np.arange(len(log)), log.actions]
        return chosen
