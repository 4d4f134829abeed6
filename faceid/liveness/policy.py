"""How sure one must be that somebody is alive, by what is at stake."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Purpose(StrEnum):
    """What a face is looked at for."""

    ENROLMENT = "enrolment"
    SCREEN = "screen"


class Rate(StrEnum):
    """Error rates of presentation attack detection (ISO/IEC 30107-3, 3.2.1 and 3.2.2)."""

    APCER = "apcer"
    BPCER = "bpcer"


@dataclass(frozen=True, slots=True)
class Target:
    """An error rate to keep, from which training chooses a threshold on people and attacks it did not learn from.

    Attributes:
        rate: which error; APCER is that of the worst species.
        most: how often it may happen at most, 0 to 1.
    """

    rate: Rate
    most: float

    def __post_init__(self) -> None:
        if not 0.0 < self.most < 1.0:
            raise ValueError(f"A target lies between 0 and 1, not at {self.most}.")


TARGETS: Final = {
    Purpose.ENROLMENT: Target(Rate.APCER, 0.10),
    Purpose.SCREEN: Target(Rate.BPCER, 0.15),
}
"""Strict where a template is made that is used for months; light where a viewer walks by and the next frame follows."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of a capture.

    Attributes:
        purpose: what for; its threshold comes from training.
        threshold: least probability of a living person, 0 to 1; None takes the purpose's.
        required: methods that must have given evidence, such as ``challenge`` at a kiosk; without them nobody passes.
    """

    purpose: Purpose
    threshold: float | None = None
    required: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a threshold that is no probability.

        Raises:
            ValueError: it lies outside 0 to 1.
        """
        if self.threshold is not None and not 0.0 <= self.threshold <= 1.0:
            raise ValueError(f"A threshold lies between 0 and 1, not at {self.threshold}.")


ENROLMENT: Final = Policy(Purpose.ENROLMENT)
SCREEN: Final = Policy(Purpose.SCREEN)
