"""What counts as engagement, and with which play; one definition for labels, profiles and reports."""

from datetime import datetime, timedelta

from django.db.models import F, Q

from events.models import Kind

DWELL_SECONDS = 3.0
"""Somebody who stays that long before a creative looked at it on purpose."""

ATTRIBUTION_WINDOW = timedelta(minutes=30)
"""An engagement belongs to a play that started at most this long before it."""

CONVERSION_WINDOW = timedelta(hours=24)
"""A conversion belongs to a play that started at most this long before it: people buy later than they look."""


def is_positive(kind: str, value: float) -> bool:
    """Return whether something somebody did counts as engagement.

    A touch, a scan and a conversion are deeds; a dwell counts from `DWELL_SECONDS` on. Attention alone does not: a
    camera that sees a face turn to the screen saw no choice.
    """
    return value >= DWELL_SECONDS if kind == Kind.DWELL else kind != Kind.ATTENTION


def window_of(kind: str) -> timedelta:
    """Return how long after the begin of its play an engagement of this kind is the play's doing."""
    return CONVERSION_WINDOW if kind == Kind.CONVERSION else ATTRIBUTION_WINDOW


def is_attributed(kind: str, began: datetime, at: datetime) -> bool:
    """Return whether an engagement belongs to the play of its choice that began at ``began``.

    An engagement names the one decision and position that caused it, so nothing is shared out between plays; it counts
    when it happened after the play began and within the window of its kind.
    """
    return began <= at <= began + window_of(kind)


def attributed() -> Q:
    """Return `is_attributed` as a condition on engagements that ``events.traffic.with_play`` annotated."""
    began, conversion = F("began"), Q(kind=Kind.CONVERSION)
    return Q(at__gte=began) & (
        (conversion & Q(at__lte=began + CONVERSION_WINDOW)) | (~conversion & Q(at__lte=began + ATTRIBUTION_WINDOW))
    )
