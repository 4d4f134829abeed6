"""Read and prune what was observed while models were on trial."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from registry.models import Observation, Stage

KEPT = timedelta(days=30)
LATEST = 20_000
"""Observations of one model that are read."""


@dataclass(frozen=True, slots=True)
class Observed:
    """How often a ranker was watched and failed, and how long it took, in milliseconds, the latest first."""

    watched: int
    failed: int
    took_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Shadowed:
    """What a shadow said about one decision; see ``registry.models.Observation``."""

    decision_id: UUID
    scores: tuple[float, ...]
    agreement: float | None
    same_first: bool | None


def observed(*, operator_id: UUID, model: str, since: datetime) -> Observed:
    """Return what one model's file did since a time, whatever its stage (one query)."""
    rows = _rows(operator_id, model, since).values_list("failed", "took_us")[:LATEST]
    found = list(rows)
    return Observed(
        len(found), sum(failed for failed, _ in found), tuple(took / 1000 for failed, took in found if not failed)
    )


def shadowed(*, operator_id: UUID, model: str, since: datetime) -> list[Shadowed]:
    """Return what a shadow said since a time, where it did not fail, the latest first (one query)."""
    rows = _rows(operator_id, model, since).filter(stage=Stage.SHADOW, failed=False)
    return [
        Shadowed(decision_id, tuple(scores), agreement, same_first)
        for decision_id, scores, agreement, same_first in rows.values_list(
            "decision_id", "scores", "agreement", "same_first"
        )[:LATEST]
    ]


def prune(*, operator_id: UUID, at: datetime) -> int:
    """Delete what is older than a month, and return how many observations that were."""
    return Observation.objects.filter(operator_id=operator_id, at__lt=at - KEPT).delete()[0]


def _rows(operator_id: UUID, model: str, since: datetime) -> QuerySet[Observation]:
    return Observation.objects.filter(operator_id=operator_id, model=model, at__gte=since).order_by("-at")
