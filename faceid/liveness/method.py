"""The one interface behind which every way of telling a living person from a picture of one stands."""

from dataclasses import dataclass
from typing import Protocol

from faceid.liveness.capture import Capture


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one method says of one capture.

    Attributes:
        method: name of the method.
        score: log-odds of a living person as the method sees it: positive speaks for a person, negative for an attack.
            Comparable between captures of one method, between methods only after fusion.
        figures: what was measured on the way, by name, for reports and for people who ask why.
    """

    method: str
    score: float
    figures: tuple[tuple[str, float], ...] = ()


class Method(Protocol):
    """One way of telling a living person from a picture of one; safe to share between threads."""

    @property
    def name(self) -> str:
        """Stable name, lower case with underscores."""
        ...

    def judge(self, capture: Capture) -> Evidence | None:
        """Say what the capture shows; None when it holds too little for this method: one frame, no infrared."""
        ...
