"""Read the log of decisions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, IntegerField, Q, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, TruncHour

from decisions.errors import UnknownDecision
from decisions.models import Choice, Decision, DecisionViewer, Posterior


@dataclass(frozen=True, slots=True)
class Shown:
    """One choice, as those who count its plays need it.

    Attributes:
        context: what the ranker was told about place and time.
        advertiser: the ranker's word, empty for content.
    """

    decision_id: UUID
    position: int
    screen_id: UUID
    at: datetime
    lease_until: datetime
    creative_id: UUID
    campaign_id: UUID | None
    category: str
    advertiser: str
    propensity: float
    price_micros: int
    policy: str
    context: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Beheld:
    """Somebody a decision was personal for.

    Attributes:
        learn: whether models might learn from them then.
    """

    subject_id: UUID
    learn: bool


def shown(
    *, operator_id: UUID, decision_ids: Collection[UUID], screen_id: UUID | None = None
) -> dict[tuple[UUID, int], Shown]:
    """Return the choices of decisions by (decision, position), in one query; of one screen only when it is named."""
    if not decision_ids:
        return {}
    rows = Choice.objects.filter(operator_id=operator_id, decision_id__in=decision_ids)
    if screen_id is not None:
        rows = rows.filter(decision__screen_id=screen_id)
    fields = rows.values_list(
        "decision_id", "position", "decision__screen_id", "decision__at", "decision__lease_until", "creative_id",
        "campaign_id", "category", "advertiser", "propensity", "price_micros", "decision__policy", "decision__context",
    )  # fmt: skip
    return {(row[0], row[1]): Shown(*row) for row in fields}


def viewers_of(*, operator_id: UUID, decision_ids: Collection[UUID]) -> dict[UUID, list[Beheld]]:
    """Return whom decisions were personal for, in one query; whoever was erased since is missing."""
    found: dict[UUID, list[Beheld]] = {}
    if decision_ids:
        rows = DecisionViewer.objects.filter(
            operator_id=operator_id, decision_id__in=decision_ids, subject_id__isnull=False
        )
        for decision_id, subject_id, learn in rows.order_by("place").values_list("decision_id", "subject_id", "learn"):
            found.setdefault(decision_id, []).append(Beheld(subject_id, learn))
    return found


def made_for(
    *, operator_id: UUID, presences: Sequence[tuple[UUID, datetime, datetime | None]]
) -> QuerySet[DecisionViewer, UUID]:
    """Return the ids of decisions that were personal for a subject in one of these times, as a sub-query.

    Args:
        presences: (subject, from, until); until None for a time that has not ended.
    """
    if not presences:
        return DecisionViewer.objects.none().values_list("decision_id", flat=True)
    wanted = Q()
    for subject_id, since, until in presences:
        wanted |= Q(subject_id=subject_id, at__gte=since) & (Q(at__lt=until) if until is not None else Q())
    return DecisionViewer.objects.filter(wanted, operator_id=operator_id).values_list("decision_id", flat=True)


def posteriors(*, operator_id: UUID) -> dict[str, bytes]:
    """Return what was learnt about creatives beyond each ranker's scores, by the ranker's version (one query)."""
    rows = Posterior.objects.filter(operator_id=operator_id).values_list("model", "document")
    return {model: bytes(document) for model, document in rows}


def unlearnable(*, operator_id: UUID, decision_ids: Collection[UUID]) -> set[UUID]:
    """Return decisions that somebody's history went into who did not agree to learning, or was erased (one query)."""
    rows = DecisionViewer.objects.filter(operator_id=operator_id, decision_id__in=decision_ids, learn=False)
    return set(rows.values_list("decision_id", flat=True))


def considered(*, operator_id: UUID, decision_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """Return which creatives decisions chose among, see ``decisions.considered`` (one query)."""
    rows = Decision.objects.filter(operator_id=operator_id, id__in=decision_ids, degraded="")
    return {decision_id: bytes(packed) for decision_id, packed in rows.values_list("id", "considered")}


def get(*, operator_id: UUID, decision_id: UUID, screen_id: UUID | None = None) -> Decision:
    """Return a decision with its ``choices`` by position (two queries).

    Args:
        screen_id: the only screen the caller may ask about; None for all of the operator's.

    Raises:
        UnknownDecision: there is none for this caller.
    """
    rows = Decision.objects.filter(operator_id=operator_id, id=decision_id).prefetch_related("choices")
    found = (rows if screen_id is None else rows.filter(screen_id=screen_id)).first()
    if found is None:
        raise UnknownDecision("No such decision, or it is not yours.")
    return found


def choices_of(decision: Decision) -> list[Choice]:
    """Return a decision's choices by position."""
    return sorted(decision.choices.all(), key=lambda choice: choice.position)


def per_hour(*, operator_id: UUID, since: datetime, until: datetime) -> dict[datetime, int]:
    """Return how many decisions were made in each hour, by the hour's begin (UTC)."""
    rows = Decision.objects.filter(operator_id=operator_id, at__gte=since, at__lt=until)
    counted = rows.annotate(hour=TruncHour("at")).values("hour").annotate(decisions=Count("id")).order_by("hour")
    return {row["hour"]: row["decisions"] for row in counted}


def audience_totals(*, operator_id: UUID, since: datetime, until: datetime) -> dict[str, int]:
    """Return how many people all decisions of a time counted, and how many of them were recognised (one query)."""
    rows = Decision.objects.filter(operator_id=operator_id, at__gte=since, at__lt=until)
    totals = rows.aggregate(
        count=Sum(Cast(KT("audience__count"), IntegerField())),
        recognised=Sum(Cast(KT("audience__recognised"), IntegerField())),
    )
    return {name: total or 0 for name, total in totals.items()}


def latest(*, operator_id: UUID, limit: int = 20, screen_id: UUID | None = None) -> list[Decision]:
    """Return the newest decisions with their choices, newest first (two queries)."""
    rows = Decision.objects.filter(operator_id=operator_id).select_related("screen").prefetch_related("choices")
    if screen_id is not None:
        rows = rows.filter(screen_id=screen_id)
    return list(rows.order_by("-at")[:limit])


def decisions_for(*, operator_id: UUID, subject_id: UUID) -> list[Decision]:
    """Return every decision that was personal for a subject, oldest first, with its choices: what they may ask for."""
    rows = Decision.objects.filter(operator_id=operator_id, viewers__subject_id=subject_id)
    return list(rows.prefetch_related("choices").order_by("at"))


def traces(*, operator_id: UUID, subject_id: UUID) -> int:
    """Return how many rows of this app still name a subject; 0 after ``forget``."""
    return DecisionViewer.objects.filter(operator_id=operator_id, subject_id=subject_id).count()
