"""Write a decision down: one round trip for the decision, its viewers and its choices.

The commit waits for the disk: a player shows what it was answered, and the play it reports later must find its
decision, also when the database crashed in between.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from core.ids import new_id
from decisions.models import Basis
from decisions.sql import insert
from recsys.features import Context

_DECISION = (
    ("id", "uuid"), ("created_at", "timestamptz"), ("operator_id", "uuid"), ("screen_id", "uuid"), ("scene", "text"),
    ("policy", "text"), ("at", "timestamptz"), ("lease_until", "timestamptz"), ("basis", "text"), ("purposes", "text"),
    ("audience", "jsonb"), ("context", "jsonb"), ("criteria", "jsonb"), ("model", "text"), ("degraded", "text"),
)  # fmt: skip
_VIEWER = (
    ("id", "uuid"), ("created_at", "timestamptz"), ("operator_id", "uuid"), ("decision_id", "uuid"),
    ("subject_id", "uuid"), ("place", "int2"), ("learn", "bool"), ("at", "timestamptz"),
)  # fmt: skip
_CHOICE = (
    ("id", "uuid"), ("created_at", "timestamptz"), ("operator_id", "uuid"), ("decision_id", "uuid"),
    ("position", "int2"), ("creative_id", "uuid"), ("campaign_id", "uuid"), ("category", "text"),
    ("advertiser", "text"), ("duration_ms", "int4"), ("propensity", "float8"), ("score", "float8"),
    ("price_micros", "int8"), ("basis", "text"), ("reasons", "jsonb"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a slate, as it is logged.

    Attributes:
        advertiser: the ranker's word for who pays, empty for content.
    """

    position: int
    creative_id: UUID
    campaign_id: UUID | None
    category: str
    advertiser: str
    duration_ms: int
    propensity: float
    score: float
    price_micros: int
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A decision, as it is logged; see ``decisions.models.Decision``.

    Attributes:
        viewers: (subject, whether a ``learn`` consent is live) of those it is personal for.
    """

    operator_id: UUID
    screen_id: UUID
    scene: str
    policy: str
    at: datetime
    lease_until: datetime
    basis: Basis
    purposes: Sequence[str]
    audience: dict[str, int]
    context: Context
    criteria: dict[str, Any]
    model: str
    degraded: str
    viewers: Sequence[tuple[UUID, bool]]
    places: Sequence[Place]


def write(entry: Entry) -> UUID:
    """Log a decision and return its id."""
    decision_id = new_id()
    shared = (entry.at, entry.operator_id, decision_id)
    statements = [_decision(entry, decision_id), insert("decisions_choice", _CHOICE, _choices(entry, shared))]
    if entry.viewers:
        statements.append(insert("decisions_decisionviewer", _VIEWER, _viewers(entry, shared)))
    with connection.cursor() as cursor:
        cursor.execute("; ".join(sql for sql, _ in statements), [value for _, values in statements for value in values])
    return decision_id


def _decision(entry: Entry, decision_id: UUID) -> tuple[str, list[Any]]:
    names = ", ".join(f'"{name}"' for name, _ in _DECISION)
    places = ", ".join(f"%s::{kind}{'[]' if name == 'purposes' else ''}" for name, kind in _DECISION)
    values = [
        decision_id, entry.at, entry.operator_id, entry.screen_id, entry.scene, entry.policy, entry.at,
        entry.lease_until, entry.basis.value, list(entry.purposes), _json(entry.audience), _json(asdict(entry.context)),
        _json(entry.criteria), entry.model, entry.degraded,
    ]  # fmt: skip
    return f"INSERT INTO decisions_decision ({names}) VALUES ({places})", values  # noqa: S608 - names of ours


def _choices(entry: Entry, shared: tuple[datetime, UUID, UUID]) -> list[tuple[Any, ...]]:
    return [
        (
            new_id(), *shared, place.position, place.creative_id, place.campaign_id, place.category, place.advertiser,
            place.duration_ms, place.propensity, place.score, place.price_micros, entry.basis.value,
            _json(place.reasons),
        )
        for place in entry.places
    ]  # fmt: skip


def _viewers(entry: Entry, shared: tuple[datetime, UUID, UUID]) -> list[tuple[Any, ...]]:
    return [
        (new_id(), *shared, subject_id, place, learn, entry.at)
        for place, (subject_id, learn) in enumerate(entry.viewers)
    ]


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
