"""Live numbers for the console."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncHour

import decisions.selectors
from events.engagement import ATTRIBUTION_WINDOW
from events.models import Engagement, Play

SERIES = 24


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the chart; ``start`` is UTC."""

    start: datetime
    decisions: int
    plays: int
    engaged: int


@dataclass(frozen=True, slots=True)
class NowPlaying:
    """What a screen showed last; ``live`` says whether it should still be on."""

    screen_id: UUID
    creative_id: UUID
    creative_title: str
    started_at: datetime
    live: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """What happened today (the UTC day) and hour by hour over the last day.

    Attributes:
        engagement_rate: share of today's plays that somebody engaged with; None before the first play.
        billed_micros: what today's plays cost the campaigns.
    """

    decisions: int
    plays: int
    engaged: int
    engagement_rate: float | None
    billed_micros: int
    hours: list[Hour]


def overview(*, operator_id: UUID, at: datetime) -> Overview:
    """Return the console's live numbers (three queries)."""
    today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    this_hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = this_hour - timedelta(hours=SERIES - 1)
    made = decisions.selectors.per_hour(operator_id=operator_id, since=first, until=at + timedelta(hours=1))
    played = _per_hour(_engaged(operator_id, first, at))
    hours = [
        Hour(start, made.get(start, 0), *played.get(start, (0, 0)))
        for start in (first + timedelta(hours=number) for number in range(SERIES))
    ]
    billed = Play.objects.filter(operator_id=operator_id, started_at__gte=today, started_at__lte=at)
    plays, engaged = (
        sum(getattr(hour, name) for hour in hours if hour.start >= today) for name in ("plays", "engaged")
    )
    return Overview(
        decisions=sum(hour.decisions for hour in hours if hour.start >= today),
        plays=plays,
        engaged=engaged,
        engagement_rate=engaged / plays if plays else None,
        billed_micros=billed.aggregate(micros=Sum("billed_micros"))["micros"] or 0,
        hours=hours,
    )


def now_playing(*, operator_id: UUID, at: datetime) -> dict[UUID, NowPlaying]:
    """Return what each screen showed last within a day, by screen (one query)."""
    rows = (
        Play.objects.filter(operator_id=operator_id, started_at__gt=at - timedelta(days=1), started_at__lte=at)
        .order_by("screen_id", "-started_at")
        .distinct("screen_id")
        .values_list("screen_id", "creative_id", "creative__title", "started_at", "duration_ms")
    )
    return {
        screen_id: NowPlaying(
            screen_id, creative_id, title, started_at, started_at + timedelta(milliseconds=duration) > at
        )
        for screen_id, creative_id, title, started_at, duration in rows
    }


def _engaged(operator_id: UUID, since: datetime, until: datetime) -> QuerySet[Play]:
    engagement = Engagement.objects.filter(
        decision_id=OuterRef("decision_id"), position=OuterRef("position"), positive=True,
        at__gte=OuterRef("started_at"), at__lte=OuterRef("started_at") + ATTRIBUTION_WINDOW,
    )  # fmt: skip
    plays = Play.objects.filter(operator_id=operator_id, started_at__gte=since, started_at__lte=until)
    return plays.annotate(engaged_with=Exists(engagement))


def _per_hour(plays: QuerySet[Play]) -> dict[datetime, tuple[int, int]]:
    hourly = plays.annotate(hour=TruncHour("started_at")).values("hour")
    counted = hourly.annotate(plays=Count("id"), engaged=Count("id", filter=Q(engaged_with=True)))
    return {row["hour"]: (row["plays"], row["engaged"]) for row in counted.order_by("hour")}
