"""Plays and engagements with the reason why they do not count, and how many there are of each."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

import decisions.selectors
from events.models import Engagement, Play, StaffPeriod
from events.traffic import VALID, engagement_reason, play_reason, with_play

_VALID = Q(invalid=VALID)


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much was reported in a time, and how much of it does not count, by ``events.traffic.Reason``."""

    plays: int
    engagements: int
    invalid_plays: dict[str, int] = field(default_factory=dict)
    invalid_engagements: dict[str, int] = field(default_factory=dict)

    @property
    def invalid(self) -> int:
        """Return how many plays and engagements do not count."""
        return sum(self.invalid_plays.values()) + sum(self.invalid_engagements.values())

    def document(self) -> dict[str, Any]:
        """Return it for a run's metrics."""
        return asdict(self)


def judged_plays(*, operator_id: UUID, staff: QuerySet[Any]) -> QuerySet[Play]:
    """Return the operator's plays, each annotated with ``invalid``: a reason, or `VALID`.

    Args:
        staff: see `staff_decisions`.
    """
    return Play.objects.filter(operator_id=operator_id).annotate(invalid=play_reason(staff))


def judged_engagements(*, operator_id: UUID, staff: QuerySet[Any]) -> QuerySet[Engagement]:
    """Return the operator's engagements, each annotated with ``invalid``, ``began`` and ``lasted_ms`` of its play.

    Args:
        staff: see `staff_decisions`.
    """
    return with_play(Engagement.objects.filter(operator_id=operator_id)).annotate(invalid=engagement_reason(staff))


def valid_plays(*, operator_id: UUID, staff: QuerySet[Any]) -> QuerySet[Play]:
    """Return the plays that count."""
    return judged_plays(operator_id=operator_id, staff=staff).filter(_VALID)


def valid_engagements(*, operator_id: UUID, staff: QuerySet[Any]) -> QuerySet[Engagement]:
    """Return the engagements that count, annotated as `judged_engagements` does."""
    return judged_engagements(operator_id=operator_id, staff=staff).filter(_VALID)


def traffic(*, operator_id: UUID, until: datetime, since: datetime | None = None) -> Traffic:
    """Count what was received up to ``until``, and what of it does not count and why (three queries).

    Args:
        since: leave out what was received before; None counts from the beginning.
    """
    staff = staff_decisions(operator_id=operator_id)
    received = Q(received_at__lte=until) & (Q(received_at__gte=since) if since is not None else Q())
    plays = _by_reason(judged_plays(operator_id=operator_id, staff=staff).filter(received))
    engagements = _by_reason(judged_engagements(operator_id=operator_id, staff=staff).filter(received))
    return Traffic(
        plays=sum(plays.values()),
        engagements=sum(engagements.values()),
        invalid_plays={reason: count for reason, count in plays.items() if reason != VALID},
        invalid_engagements={reason: count for reason, count in engagements.items() if reason != VALID},
    )


def staff_decisions(*, operator_id: UUID) -> QuerySet[Any]:
    """Return the ids of decisions made before somebody who worked there then, as a sub-query (one query for who)."""
    periods = StaffPeriod.objects.filter(operator_id=operator_id).values_list("subject_id", "since", "until")
    return decisions.selectors.made_for(operator_id=operator_id, presences=list(periods))


def staff_period(*, operator_id: UUID, subject_id: UUID) -> StaffPeriod | None:
    """Return since when a subject counts as staff; None when it does not now."""
    return StaffPeriod.objects.filter(operator_id=operator_id, subject_id=subject_id, until=None).first()


def _by_reason(rows: QuerySet[Any]) -> dict[str, int]:
    counted = rows.values("invalid").annotate(rows=Count("id")).order_by("invalid")
    return {row["invalid"]: row["rows"] for row in counted}
