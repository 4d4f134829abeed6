"""Template filters of the console."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import timezone
from django.utils.timesince import timesince

from console.charts import figure
from registry.terms import Route

register = template.Library()

NONE = "\N{EN DASH}"

STATE_COLOURS = {
    "active": "green", "approved": "green", "given": "green", "succeeded": "green", "champion": "green",
    "running": "blue", "queued": "azure", "candidate": "azure", "pending": "yellow", "draft": "secondary",
    "paused": "yellow", "retired": "secondary", "ended": "secondary", "expired": "secondary", "withdrawn": "orange",
    "rejected": "red", "failed": "red", "shadow": "purple", "canary": "yellow", "major": "red", "moderate": "yellow",
}  # fmt: skip
"""Tabler's colour of each state word, whatever the noun."""


@register.filter
def money(micros: int, currency: str) -> str:
    """Return an amount in micros as people write it, for instance ``1,250.00 EUR``."""
    cents = round(micros / 10_000)
    return f"{intcomma(cents // 100, use_l10n=False)}.{cents % 100:02d} {currency}"


@register.filter
def percent(share: float | None) -> str:
    """Return a share as a percentage, an en dash for none."""
    return NONE if share is None else f"{share * 100:.1f} %"


@register.filter
def state_colour(state: str) -> str:
    """Return the colour of a state's badge."""
    return STATE_COLOURS.get(state, "secondary")


@register.filter
def moment(at: datetime | None) -> str:
    """Return a time as the console writes it, in UTC."""
    return NONE if at is None else f"{at.astimezone(timezone.get_default_timezone()):%d %b %Y, %H:%M}"


@register.filter
def until(began: datetime | None, ended: datetime | None) -> str:
    """Return how long something took, in seconds if it was less than a minute; an en dash before it has ended."""
    if began is None or ended is None:
        return NONE
    seconds = int((ended - began).total_seconds())
    return f"{seconds} s" if seconds < 60 else timesince(began, ended)


@register.filter
def words(slug: str) -> str:
    """Return a slug as words: ``movies.drama`` becomes ``movies: drama``."""
    return slug.replace(".", ": ").replace("_", " ")


@register.filter
def route_words(route: str) -> str:
    """Return in words where a model goes that passed the gate."""
    return Route(route).label


@register.filter
def refused(gates: Sequence[Mapping[str, Any]]) -> int:
    """Return how many gates do not pass."""
    return sum(not gate["passes"] for gate in gates)


@register.filter
def metric(version: Any, name: str) -> str:
    """Return one figure of a model with four decimals, an en dash when it was not measured."""
    value = figure(version, name)
    return NONE if value is None else f"{value:.4f}"
