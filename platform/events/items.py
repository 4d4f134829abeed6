"""One event as a player writes it, parsed."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from core.ids import parse_public_id
from core.problems import Problem
from core.times import parse_time
from events.clock import FUTURE, Clock
from events.models import Kind
from events.results import Code, Refused

PLAY = "play"
LONGEST = timedelta(hours=1)
LARGEST_VALUE = 1e9

_SHARED = frozenset({"event_id", "kind"})
_PLAY_FIELDS = _SHARED | {"decision", "position", "bundle", "creative", "started_at", "duration_ms"}
_ENGAGEMENT_FIELDS = _SHARED | {"decision", "position", "at", "value"}


@dataclass(frozen=True, slots=True)
class PlayItem:
    """A play from a decision (``decision_id``, ``position``) or an offline bundle (``bundle``, ``creative_id``)."""

    event_id: UUID
    digest: bytes
    decision_id: UUID | None
    position: int | None
    bundle: str
    creative_id: UUID | None
    started_at: datetime
    duration_ms: int


@dataclass(frozen=True, slots=True)
class EngagementItem:
    """Something somebody did about a choice."""

    event_id: UUID
    digest: bytes
    decision_id: UUID
    position: int
    kind: Kind
    value: float
    at: datetime


Item = PlayItem | EngagementItem


def parse(raw: object, *, screen_id: UUID, clock: Clock) -> Item:
    """Return one event with its times on our clock.

    Raises:
        Refused: it has the wrong shape, or a time or duration that cannot be.
    """
    if not isinstance(raw, dict):
        raise Refused(Code.WRONG_SHAPE, f"Expected an object, got {type(raw).__name__}.")
    kind = raw.get("kind")
    if kind == PLAY:
        _only(raw, _PLAY_FIELDS)
        return _play(raw, screen_id, clock)
    if kind in Kind.values:
        _only(raw, _ENGAGEMENT_FIELDS)
        return _engagement(raw, Kind(kind), screen_id, clock)
    raise Refused(Code.WRONG_SHAPE, f"kind: expected {PLAY} or one of {', '.join(Kind.values)}.")


def _play(raw: Mapping[str, Any], screen_id: UUID, clock: Clock) -> PlayItem:
    bundle = raw.get("bundle") or ""
    if not isinstance(bundle, str) or len(bundle) > 80:
        raise Refused(Code.WRONG_SHAPE, "bundle: expected the id of an offline bundle.")
    decided = raw.get("decision") is not None
    if decided == bool(bundle):
        raise Refused(Code.WRONG_SHAPE, "A play names either its decision and position, or its bundle and creative.")
    creative = raw.get("creative")
    return PlayItem(
        event_id=_event_id(raw),
        digest=_digest(raw, screen_id),
        decision_id=_public("dec", raw, "decision") if decided else None,
        position=_position(raw) if decided else None,
        bundle=bundle,
        creative_id=_public("crv", raw, "creative") if bundle or creative is not None else None,
        started_at=(started_at := clock.repair(_time(raw, "started_at"))),
        duration_ms=_duration(raw, started_at, clock),
    )


def _engagement(raw: Mapping[str, Any], kind: Kind, screen_id: UUID, clock: Clock) -> EngagementItem:
    return EngagementItem(
        event_id=_event_id(raw),
        digest=_digest(raw, screen_id),
        decision_id=_public("dec", raw, "decision"),
        position=_position(raw),
        kind=kind,
        value=_value(raw, kind),
        at=clock.repair(_time(raw, "at")),
    )


def _only(raw: Mapping[str, Any], fields: frozenset[str]) -> None:
    unknown = sorted(str(name)[:40] for name in raw.keys() - fields)
    if unknown:
        raise Refused(Code.WRONG_SHAPE, f"Unknown fields: {', '.join(unknown[:5])}.")


def _event_id(raw: Mapping[str, Any]) -> UUID:
    text = raw.get("event_id")
    try:
        return UUID(text if isinstance(text, str) else "")
    except ValueError as error:
        raise Refused(Code.WRONG_SHAPE, "event_id: expected a UUID of the player's choice.") from error


def _public(prefix: str, raw: Mapping[str, Any], field: str) -> UUID:
    try:
        return parse_public_id(prefix, raw.get(field))
    except Problem as error:
        raise Refused(Code.WRONG_SHAPE, f"{field}: {error.detail}") from error


def _time(raw: Mapping[str, Any], field: str) -> datetime:
    try:
        return parse_time(raw.get(field), field)
    except Problem as error:
        raise Refused(Code.WRONG_SHAPE, error.detail) from error


def _position(raw: Mapping[str, Any]) -> int:
    position = raw.get("position")
    if type(position) is not int or not 0 <= position < 1000:
        raise Refused(Code.WRONG_SHAPE, "position: expected the position within the slate, 0 is the first.")
    return position


def _duration(raw: Mapping[str, Any], started_at: datetime, clock: Clock) -> int:
    duration = raw.get("duration_ms")
    if type(duration) is not int:
        raise Refused(Code.WRONG_SHAPE, "duration_ms: expected whole milliseconds.")
    longest = min(LONGEST, clock.received_at + FUTURE - started_at)
    if not 0 < duration <= longest / timedelta(milliseconds=1):
        raise Refused(
            Code.IMPOSSIBLE_DURATION,
            f"A play lasts more than 0 ms, at most {LONGEST.seconds} s, and is over when reported.",
        )
    return duration


def _value(raw: Mapping[str, Any], kind: Kind) -> float:
    value = raw.get("value", None if kind in (Kind.DWELL, Kind.ATTENTION) else 1)
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= LARGEST_VALUE:
        raise Refused(Code.WRONG_SHAPE, "value: expected a number from 0 (seconds for dwell and attention).")
    if kind in (Kind.DWELL, Kind.ATTENTION) and value > LONGEST.seconds:
        raise Refused(
            Code.IMPOSSIBLE_DURATION, f"Nobody stands {value:g} s before a creative; {LONGEST.seconds} s at most."
        )
    return float(value)


def _digest(raw: Mapping[str, Any], screen_id: UUID) -> bytes:
    return hashlib.blake2b(orjson.dumps(raw, option=orjson.OPT_SORT_KEYS), key=screen_id.bytes, digest_size=16).digest()
