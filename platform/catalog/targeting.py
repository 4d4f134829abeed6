"""Targeting: where and when a campaign wants to play. It names places and hours, never people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.errors import UnusableCampaign

_VENUE_CATEGORY = re.compile(r"[a-z_]+(\.[a-z_]+){0,3}")
_SCENE = re.compile(r"[-a-zA-Z0-9_]{1,60}")
_LARGEST = 200


@dataclass(frozen=True, slots=True)
class Targeting:
    """What a campaign asks for; an empty set asks for nothing in particular.

    Attributes:
        venue_categories: OpenOOH slugs; a parent stands for all below it.
        scenes: keys of scenes.
        hours: local hours of the venue, 0-23.
    """

    venue_categories: frozenset[str] = frozenset()
    scenes: frozenset[str] = frozenset()
    hours: frozenset[int] = frozenset()

    def as_json(self) -> dict[str, list[str] | list[int]]:
        """Return the form in which it is stored and shown; what asks for nothing is left out."""
        parts: dict[str, list[str] | list[int]] = {
            "venue_categories": sorted(self.venue_categories),
            "scenes": sorted(self.scenes),
            "hours": sorted(self.hours),
        }
        return {name: values for name, values in parts.items() if values}


def parse_targeting(value: Mapping[str, Any]) -> Targeting:
    """Return the targeting somebody wrote.

    Raises:
        UnusableCampaign: an unknown member (people cannot be targeted), or a value out of range.
    """
    unknown = set(value) - {"venue_categories", "scenes", "hours"}
    if unknown:
        raise UnusableCampaign(
            f"targeting: {', '.join(sorted(unknown))} cannot be targeted; use venue_categories, scenes and hours."
        )
    return Targeting(
        frozenset(_words(value, "venue_categories", _VENUE_CATEGORY)),
        frozenset(_words(value, "scenes", _SCENE)),
        frozenset(_hours(value)),
    )


def _words(value: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> list[str]:
    words = _list(value, name)
    for word in words:
        if not isinstance(word, str) or not pattern.fullmatch(word):
            raise UnusableCampaign(f"targeting.{name}: {str(word)[:60]!r} is no such slug.")
    return words


def _hours(value: Mapping[str, Any]) -> list[int]:
    hours = _list(value, "hours")
    if any(isinstance(hour, bool) or not isinstance(hour, int) or not 0 <= hour <= 23 for hour in hours):
        raise UnusableCampaign("targeting.hours: expected local hours from 0 to 23.")
    return hours


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name, [])
    if not isinstance(found, list) or len(found) > _LARGEST:
        raise UnusableCampaign(f"targeting.{name}: expected a list of at most {_LARGEST} values.")
    return found
