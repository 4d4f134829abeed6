"""Write a decision down: one statement for the decision, its viewers and its choices, sent along with the commit.

The commit waits for the disk: a player shows what it was answered, and the play it reports later must find its
decision, also when the database crashed in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from core.ids import new_id
from core.statements import Statement
from decisions.models import Basis
from recsys.features import Context

_WRITE = Statement(
    "decisions_log",
    (
        "uuid", "uuid", "timestamptz", "uuid", "text", "text", "timestamptz", "text", "text[]", "jsonb", "jsonb",
        "jsonb",
        "text", "text", "text", "bytea",
        "uuid[]", "uuid[]", "uuid[]", "text[]", "text[]", "int4[]", "float8[]", "float8[]", "int8[]", "text[]",
        "uuid[]", "uuid[]", "bool[]",
    ),
    """
WITH decision AS (
    INSERT INTO decisions_decision (id, operator_id, created_at, at, screen_id, scene, policy, lease_until, basis,
        purposes, audience, context, criteria, model, degraded, exploration, considered)
    VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
), choices AS (
    INSERT INTO decisions_choice (id, operator_id, created_at, decision_id, basis, position, creative_id, campaign_id,
        category, advertiser, duration_ms, propensity, score, price_micros, reasons)
    SELECT id, $2, $3, $1, $8, place - 1, creative_id, campaign_id, category, advertiser, duration_ms, propensity,
        score, price_micros, reasons::jsonb
    FROM unnest($17, $18, $19, $20, $21, $22, $23, $24, $25, $26) WITH ORDINALITY AS chosen (id, creative_id,
        campaign_id, category, advertiser, duration_ms, propensity, score, price_micros, reasons, place)
)
INSERT INTO decisions_decisionviewer (id, operator_id, created_at, at, decision_id, subject_id, place, learn)
SELECT id, $2, $3, $3, $1, subject_id, place - 1, learn
FROM unnest($27, $28, $29) WITH ORDINALITY AS standing (id, subject_id, learn, place)
""",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a slate, as it is logged.

    Attributes:
        advertiser: the ranker's word for who pays, empty for content.
    """

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
    exploration: str
    considered: bytes
    viewers: Sequence[tuple[UUID, bool]]
    places: Sequence[Place]


def write(entry: Entry) -> UUID:
    """Log a decision and return its id."""
    decision_id = new_id()
    _WRITE.put_along([
        decision_id, entry.operator_id, entry.at, entry.screen_id, entry.scene, entry.policy, entry.lease_until,
        entry.basis.value, list(entry.purposes), _json(entry.audience), _json(entry.context),
        _json(entry.criteria), entry.model, entry.degraded,
        entry.exploration, entry.considered,
        *_choices(entry.places),
        *_viewers(entry.viewers),
    ])  # fmt: skip
    return decision_id


def _choices(places: Sequence[Place]) -> list[list[Any]]:
    """Return one list per column, best place first."""
    return [
        [new_id() for _ in places],
        [place.creative_id for place in places],
        [place.campaign_id for place in places],
        [place.category for place in places],
        [place.advertiser for place in places],
        [place.duration_ms for place in places],
        [place.propensity for place in places],
        [place.score for place in places],
        [place.price_micros for place in places],
        [_json(place.reasons) for place in places],
    ]


def _viewers(viewers: Sequence[tuple[UUID, bool]]) -> list[list[Any]]:
    """Return one list per column."""
    return [[new_id() for _ in viewers], [subject for subject, _ in viewers], [learn for _, learn in viewers]]


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
