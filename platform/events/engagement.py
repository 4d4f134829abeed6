"""What counts as engagement; one definition for labels, profiles and reports."""

from datetime import timedelta

from events.models import Kind

DWELL_SECONDS = 3.0
"""Somebody who stays that long before a creative looked at it on purpose."""

ATTRIBUTION_WINDOW = timedelta(minutes=30)
"""An engagement belongs to a play that started at most this long before it."""


def is_positive(kind: str, value: float) -> bool:
    """Return whether something somebody did counts as engagement.

    A touch, a scan and a conversion are deeds; a dwell counts from `DWELL_SECONDS` on. Attention alone does not: a
    camera that sees a face turn to the screen saw no choice.
    """
    return value >= DWELL_SECONDS if kind == Kind.DWELL else kind != Kind.ATTENTION
