"""What a private training promises, and what it spent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, TypeAlias, get_args

from recsys.training.errors import BadRequest

Unit: TypeAlias = Literal["person", "row"]
UNITS: tuple[Unit, ...] = get_args(Unit)

LARGEST_EPSILON, LARGEST_DELTA = 100.0, 1e-2


@dataclass(frozen=True, slots=True)
class PrivacyTerms:
    """The promise: (epsilon, delta)-differential privacy of the trained weights (Dwork et al., Eurocrypt 2006).

    Attributes:
        epsilon, delta: of the whole training; delta belongs well below one in the number of people.
        unit: whose presence is hidden. `person`: all rows of a person together, a row without a person by itself;
            `row`: single rows only, which hides nobody who has many.
        clip: largest Euclidean norm of what one unit adds to a step.
        per_step: units that a step draws, on average.
        passes: how often each unit is drawn in all, on average.
        rows_per_unit: rows of a person that are looked at, drawn once; the others are not learnt from.
        learning_rate: of stochastic gradient descent with momentum.

    Raises:
        BadRequest: a value makes no sense.
    """

    epsilon: float
    delta: float = 1e-5
    unit: Unit = "person"
    clip: float = 1.0
    per_step: int = 256
    passes: float = 30.0
    rows_per_unit: int = 64
    learning_rate: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.epsilon <= LARGEST_EPSILON:
            raise BadRequest(f"epsilon must be above 0 and at most {LARGEST_EPSILON:g}, got {self.epsilon}")
        if not 0 < self.delta <= LARGEST_DELTA:
            raise BadRequest(f"delta must be above 0 and at most {LARGEST_DELTA:g}, got {self.delta}")
        if self.unit not in UNITS:
            raise BadRequest(f"unit must be one of {', '.join(UNITS)}, got {self.unit!r}")
        for name in ("clip", "per_step", "passes", "rows_per_unit", "learning_rate"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise BadRequest(f"{name} must be a number above 0, got {value}")

    @classmethod
    def parse(cls, content: Any) -> Self:
        """Make terms of a JSON object; what it leaves out has the usual value.

        Raises:
            BadRequest: its keys or values are not those of terms.
        """
        names = {each.name for each in fields(cls)}
        if not isinstance(content, Mapping) or "epsilon" not in content or set(content) - names:
            raise BadRequest(f"privacy must be an object with epsilon and some of {', '.join(sorted(names))}")
        for name, value in content.items():
            if name != "unit" and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise BadRequest(f"{name} must be a number, got {value!r}")
        return cls(**content)


@dataclass(frozen=True, slots=True)
class PrivacyReport:
    """What was promised and how it was kept.

    Attributes:
        epsilon: that the accountant arrives at for the steps that were taken; never above the one promised.
        noise: standard deviation of the noise in units of the clipping bound.
        sampling_rate: chance of each unit to be in a step.
        units: people, and rows without a person, in the train part.
        clipped: share of drawn units whose gradient was longer than the bound.
        parameters: that noise was added to in every step, whether a row of theirs was touched or not.
        accountant: how epsilon was found.
    """

    epsilon: float
    delta: float
    unit: Unit
    noise: float
    clip: float
    sampling_rate: float
    steps: int
    units: int
    clipped: float
    parameters: int
    accountant: str
    seconds: float
