"""Read how decisions were scored, and by which model, for those who watch models."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q

from decisions.models import Choice, Decision


@dataclass(frozen=True, slots=True)
class Made:
    """How many decisions a model made, and how many of them were degraded."""

    decisions: int = 0
    degraded: int = 0


def scores(*, operator_id: UUID, decision_ids: Collection[UUID]) -> dict[tuple[UUID, int], float]:
    """Return the score of each choice by (decision, position), in one query."""
    rows = Choice.objects.filter(operator_id=operator_id, decision_id__in=decision_ids)
    return {(row[0], row[1]): row[2] for row in rows.values_list("decision_id", "position", "score")}


def made_by(*, operator_id: UUID, models: Collection[str], since: datetime, until: datetime) -> dict[str, Made]:
    """Return how many decisions each of some models made in a time, in one query."""
    rows = Decision.objects.filter(operator_id=operator_id, at__gte=since, at__lt=until, model__in=models)
    counted = rows.values("model").annotate(made=Count("id"), bad=Count("id", filter=~Q(degraded=""))).order_by("model")
    return {row["model"]: Made(row["made"], row["bad"]) for row in counted}
