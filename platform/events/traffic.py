"""Invalid traffic: what is on record and billed as agreed, but is nobody's behaviour, and why.

Nothing is deleted or changed: each rule is a condition on rows as they are, read before examples and reports. A row is
invalid for the first reason that holds, in the order of `play_reason` and `engagement_reason`. After the guidelines of
the Media Rating Council (Invalid Traffic Detection and Filtration; Viewable Ad Impression Measurement), as far as they
apply to screens in public places: internal traffic, duplicates, playback nobody could have seen, measurements that
cannot be, and activity at a rate no person has. What a player claims and the clock rules out is refused on arrival
(``events.items``, ``events.clock``) and never comes as far as this.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When

from events.clock import FUTURE
from events.models import Engagement, Kind, Play

SAME_MOMENT = timedelta(seconds=1)
"""Two reports of one choice that begin this close are one play reported twice; further apart, a player loops."""

SHORTEST_MS = 1_000
"""One continuous second is the least in which a display can be seen (MRC viewable impressions, display)."""

OVERRUN, OVERRUN_MS = 2, 10_000
"""A play may last this many times its creative's length and that much more; beyond it the player hangs."""

DWELL_SLACK_SECONDS = 5.0
"""Nobody looks at a creative for longer than it is on; the slack is for clocks and for the fade."""

BURST, BURST_SECONDS = 10, 5
"""More touches or scans of one choice than this within so many seconds before and after are drumming or a fault."""


class Reason(models.TextChoices):
    """Why a play or an engagement does not count."""

    STAFF = "staff"
    DUPLICATE = "duplicate"
    LOOP = "loop"
    TOO_SHORT = "too_short"
    OVERLONG = "overlong"
    AFTER_LEASE = "after_lease"
    WITHOUT_PLAY = "without_play"
    BEFORE_PLAY = "before_play"
    IMPOSSIBLE_DWELL = "impossible_dwell"
    BURST = "burst"


VALID = ""
Condition = tuple[Reason, Q]


def play_reason(staff: QuerySet[Any]) -> Case:
    """Return why a row of ``Play`` is invalid, `VALID` when it is not.

    Args:
        staff: ids of decisions that were made before somebody who worked there then.
    """
    return _first(
        (
            (Reason.STAFF, before_staff(staff)),
            (Reason.DUPLICATE, is_reported_twice()),
            (Reason.LOOP, is_played_again()),
            (Reason.TOO_SHORT, is_too_short()),
            (Reason.OVERLONG, is_overlong()),
            (Reason.AFTER_LEASE, is_after_lease()),
        )
    )


def engagement_reason(staff: QuerySet[Any]) -> Case:
    """Return why a row of ``Engagement``, annotated by `with_play`, is invalid, `VALID` when it is not."""
    return _first(
        (
            (Reason.STAFF, before_staff(staff)),
            (Reason.WITHOUT_PLAY, has_no_play()),
            (Reason.BEFORE_PLAY, is_before_play()),
            (Reason.IMPOSSIBLE_DWELL, is_impossible_dwell()),
            (Reason.DUPLICATE, is_same_again()),
            (Reason.BURST, is_in_a_burst()),
        )
    )


def with_play(engagements: QuerySet[Engagement]) -> QuerySet[Engagement]:
    """Annotate engagements with ``began`` and ``lasted_ms`` of the play of their choice; null when there was none."""
    play = Play.objects.filter(decision_id=OuterRef("decision_id"), position=OuterRef("position"), repeat=False)
    return engagements.annotate(
        began=Subquery(play.values("started_at")[:1]), lasted_ms=Subquery(play.values("duration_ms")[:1])
    )


def before_staff(staff: QuerySet[Any]) -> Q:
    """Somebody who works there stood before the screen: not the audience (internal traffic)."""
    return Q(decision_id__in=staff)


def is_reported_twice() -> Q:
    """The same play of the same choice came twice under different event ids."""
    first = Play.objects.filter(
        decision_id=OuterRef("decision_id"), position=OuterRef("position"), repeat=False,
        started_at__gte=OuterRef("started_at") - SAME_MOMENT, started_at__lte=OuterRef("started_at") + SAME_MOMENT,
    )  # fmt: skip
    return Q(repeat=True) & Q(Exists(first))


def is_played_again() -> Q:
    """One choice was played again later: the player loops over a slate instead of asking for the next one."""
    return Q(repeat=True)


def is_too_short() -> Q:
    """It was on for too short a time to be seen."""
    return Q(duration_ms__lt=SHORTEST_MS)


def is_overlong() -> Q:
    """It was on for far longer than it lasts: the player hung, whatever was on the screen."""
    return Q(duration_ms__gt=F("creative__duration_ms") * OVERRUN + OVERRUN_MS)


def is_after_lease() -> Q:
    """It began after its lease: those it was chosen for had gone, and the choice was no longer allowed."""
    return Q(started_at__gt=F("decision__lease_until") + FUTURE)


def has_no_play() -> Q:
    """Its choice was never on the screen."""
    return Q(began__isnull=True)


def is_before_play() -> Q:
    """It happened before its choice came on: whatever it was about, it was not this."""
    return Q(at__lt=F("began"))


def is_impossible_dwell() -> Q:
    """Somebody looked at it for longer than it was on."""
    measured = Q(kind__in=(Kind.DWELL, Kind.ATTENTION))
    return measured & Q(value__gt=F("lasted_ms") / 1000.0 + DWELL_SLACK_SECONDS)


def is_same_again() -> Q:
    """The same deed at the same instant came under another event id before."""
    earlier = Engagement.objects.filter(
        decision_id=OuterRef("decision_id"), position=OuterRef("position"), kind=OuterRef("kind"),
        at=OuterRef("at"), value=OuterRef("value"), id__lt=OuterRef("id"),
    )  # fmt: skip
    return Q(Exists(earlier))


def is_in_a_burst() -> Q:
    """It is one of more touches or scans of a choice than a person makes."""
    deeds = (Kind.TOUCH, Kind.SCAN)
    around = Engagement.objects.filter(
        decision_id=OuterRef("decision_id"), position=OuterRef("position"), kind__in=deeds,
        at__gte=OuterRef("at") - timedelta(seconds=BURST_SECONDS),
        at__lte=OuterRef("at") + timedelta(seconds=BURST_SECONDS),
    )  # fmt: skip
    return Q(kind__in=deeds) & Q(Exists(around[BURST:]))


def _first(conditions: Iterable[Condition]) -> Case:
    return Case(
        *(When(condition, then=Value(reason.value)) for reason, condition in conditions),
        default=Value(VALID), output_field=models.CharField(),
    )  # fmt: skip
