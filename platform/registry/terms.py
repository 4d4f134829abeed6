"""On what terms a model is promoted and a canary goes on: numbers an operator may change, with safe defaults."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from django.db.models import TextChoices

from registry.errors import UnusableTerms


class Route(TextChoices):
    """Where a model that passed the gate goes while another one serves."""

    DIRECT = "direct", "to all screens"
    CANARY = "canary", "to some screens first"
    SHADOW = "shadow", "beside the champion first, then to some screens"


@dataclass(frozen=True, slots=True)
class Gates:
    """What a trained model has to show on later rows before it may serve; differences are against the champion.

    Attributes:
        base_rate_margin: nats of log loss by which it must beat the constant forecast.
        log_loss_tolerance: nats by which it may be worse; the spread between seeds on MovieLens-100k is of this size.
        auc_tolerance, gauc_tolerance: by which it may be worse.
        ece_ceiling: calibration error it may have at most, unless chance explains it.
        ece_tolerance: by which its calibration error may exceed the champion's.
        coverage_share: share of the champion's coverage of the catalogue that it must keep.
        cohort_rows: rows below which a cohort is not judged.
        cohort_log_loss_tolerance, cohort_auc_tolerance: by which a cohort may be worse off for certain.
    """

    base_rate_margin: float = 0.0001
    log_loss_tolerance: float = 0.002
    auc_tolerance: float = 0.005
    gauc_tolerance: float = 0.01
    ece_ceiling: float = 0.1
    ece_tolerance: float = 0.02
    coverage_share: float = 0.5
    cohort_rows: int = 200
    cohort_log_loss_tolerance: float = 0.01
    cohort_auc_tolerance: float = 0.02


@dataclass(frozen=True, slots=True)
class Guardrails:
    """What ends a canary.

    Attributes:
        error_rate: share of its decisions in which it may fail to score.
        degraded_rate: by which its share of degraded decisions may exceed the champion's.
        latency_ratio: how many times the champion's 95th percentile of scoring time its own may be.
        latency_floor_ms: milliseconds below which scoring is never too slow.
        engagement_level: error level of the sequential test for a drop of engagement.
        calibration_gap: by which its mean score and its engagement rate may differ, beyond chance.
    """

    error_rate: float = 0.01
    degraded_rate: float = 0.02
    latency_ratio: float = 2.0
    latency_floor_ms: float = 5.0
    engagement_level: float = 0.01
    calibration_gap: float = 0.05


UPPER = {
    "cohort_rows": 1_000_000, "latency_ratio": 100.0, "latency_floor_ms": 10_000.0, "engagement_level": 0.5,
}  # fmt: skip
"""Largest value of a term; 1 where nothing else is said. The smallest is 0, and above 0 for those below."""
ABOVE_ZERO = frozenset({"engagement_level", "latency_ratio", "cohort_rows"})

T = TypeVar("T", Gates, Guardrails)


def upper(name: str) -> float:
    """Return the largest value a term may have."""
    return UPPER.get(name, 1.0)


def changed(terms: T, changes: Mapping[str, Any]) -> T:
    """Return terms with some of them changed.

    Raises:
        UnusableTerms: a name is none of them, or a value is out of range.
    """
    kinds = {field.name: type(getattr(terms, field.name)) for field in fields(terms)}
    problems = [
        {"field": str(name), "code": "unknown" if name not in kinds else "out_of_range"}
        for name, value in changes.items()
        if name not in kinds or not _fits(name, value)
    ]
    if problems:
        raise UnusableTerms(
            f"These terms are unknown or out of range: {', '.join(problem['field'] for problem in problems)}."
            f" Expected some of {', '.join(f'{name} (at most {upper(name):g})' for name in kinds)}.",
            errors=problems,
        )
    return replace(terms, **{name: kinds[name](value) for name, value in changes.items()})


def document(terms: Gates | Guardrails) -> dict[str, float]:
    """Return terms as JSON."""
    return asdict(terms)


def differing(terms: Gates | Guardrails) -> dict[str, float]:
    """Return the terms that are not the defaults, so that a later default reaches whoever did not choose."""
    defaults = asdict(type(terms)())
    return {name: value for name, value in asdict(terms).items() if value != defaults[name]}


def _fits(name: str, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= upper(name) and (value > 0 or name not in ABOVE_ZERO)
