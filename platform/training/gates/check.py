"""One gate or guardrail: what was measured, what was demanded, whether it passes, and why, in a sentence."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One gate.

    Attributes:
        measured, threshold: None when there was nothing to measure or to demand.
        interval: of the measured value, 95 %; None where none was made.
        judged: False when there was too little to judge by; it passes then.
    """

    name: str
    measured: float | None
    threshold: float | None
    passes: bool
    sentence: str
    interval: tuple[float, float] | None = None
    judged: bool = True

    def document(self) -> dict[str, Any]:
        """Return the gate as JSON."""
        return asdict(self) | {"interval": list(self.interval) if self.interval else None}
