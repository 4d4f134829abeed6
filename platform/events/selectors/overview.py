"""Live numbers for the console."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncHour

import decisions.selectors
from events.engagement import attributed
from events.models import Play
from events.selectors.traffic import judged_plays, staff_decisions, valid_engagements
from events.traffic import VALID

SERIES = 24


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the chart; ``start`` is UTC. Invalid plays (``events.traffic``) are counted apart."""

    start: datetime
    decisions: int
    plays: int
    engaged: int
    invalid: int


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
        plays, engaged: without invalid traffic, see ``events.traffic``; ``invalid`` is how many plays that left out.
        engagement_rate: share of today's plays that somebody engaged with; None before the first play.
        billed_micros: what today's plays cost the campaigns.
    """

    decisions: int
    plays: int
    engaged: int
    invalid: int
    engagement_rate: float | None
    billed_micros: int
    hours: list[Hour]


def overview(*, operator_id: UUID, at: datetime) -> Overview:
    """Return the console's live numbers (four queries)."""
    today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    this_hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = this_hour - timedelta(hours=SERIES - 1)
    made = decisions.selectors.per_hour(operator_id=operator_id, since=first, until=at + timedelta(hours=1))
    played = _per_hour(_engaged(operator_id, first, at))
    hours = [
        Hour(start, made.get(start, 0), *played.get(start, (0, 0, 0)))
        for start in (first + timedelta(hours=number) for number in range(SERIES))
    ]
    billed = Play.objects.filter(operator_id=operator_id, started_at__gte=today, started_at__lte=at)
    plays, engaged, invalid = (
        sum(getattr(hour, name) for hour in hours if hour.start >= today) for name in ("plays", "engaged", "invalid")
    )
    return Overview(
        decisions=sum(hour.decisions for hour in hours if hour.start >= today),
        plays=plays,
        engaged=engaged,
        invalid=invalid,
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
    staff = staff_decisions(operator_id=operator_id)
    engagement = valid_engagements(operator_id=operator_id, staff=staff).filter(
        attributed(), decision_id=OuterRef("decision_id"), position=OuterRef("position"), positive=True
    )
    plays = judged_plays(operator_id=operator_id, staff=staff)
    within = plays.filter(started_at__gte=since, started_at__lte=until)
    return within.annotate(engaged_with=Exists(engagement))


def _per_hour(plays: QuerySet[Play]) -> dict[datetime, tuple[int, int, int]]:
    valid = Q(invalid=VALID)
    hourly = plays.annotate(hour=TruncHour("started_at")).values("hour")
    counted = hourly.annotate(
        plays=Count("id", filter=valid), engaged=Count("id", filter=valid & Q(engaged_with=True)),
        left_out=Count("id", filter=~valid),
    )  # fmt: skip
    return {row["hour"]: (row["plays"], row["engaged"], row["left_out"]) for row in counted.order_by("hour")}
