"""Write a decision down: one statement for the decision, its viewers and its choices, sent along with the commit.

The commit waits for the disk: a player shows what it was answered, and the play it reports later must find its
decision, also when the database crashed in between.
"""

import base64
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
    ("jsonb",),
    """
WITH entry AS (
    SELECT * FROM jsonb_to_record($1) AS entry (id uuid, operator_id uuid, at timestamptz, screen_id uuid, scene text,
        policy text, lease_until timestamptz, basis text, purposes text[], audience jsonb, context jsonb,
        criteria jsonb, model text, degraded text, exploration text, considered text, places jsonb, viewers jsonb)
), decision AS (
    INSERT INTO decisions_decision (id, operator_id, created_at, at, screen_id, scene, policy, lease_until, basis,
        purposes, audience, context, criteria, model, degraded, exploration, considered)
    SELECT id, operator_id, at, at, screen_id, scene, policy, lease_until, basis,
        purposes, audience, context, criteria, model, degraded, exploration, decode(considered, 'base64')
    FROM entry
), choices AS (
    INSERT INTO decisions_choice (id, operator_id, created_at, decision_id, basis, position, creative_id, campaign_id,
        category, advertiser, duration_ms, propensity, score, price_micros, reasons)
    SELECT place.id, entry.operator_id, entry.at, entry.id, entry.basis, position - 1, creative_id, campaign_id,
        category, advertiser, duration_ms, propensity, score, price_micros, reasons
    FROM entry, ROWS FROM (jsonb_to_recordset(entry.places) AS (id uuid, creative_id uuid, campaign_id uuid,
        category text, advertiser text, duration_ms int, propensity float8, score float8, price_micros int8,
        reasons jsonb)) WITH ORDINALITY AS place (id, creative_id, campaign_id, category, advertiser, duration_ms,
        propensity, score, price_micros, reasons, position)
)
INSERT INTO decisions_decisionviewer (id, operator_id, created_at, at, decision_id, subject_id, place, learn)
SELECT viewer.id, entry.operator_id, entry.at, entry.at, entry.id, subject_id, viewer.place - 1, learn
FROM entry, ROWS FROM (jsonb_to_recordset(entry.viewers) AS (id uuid, subject_id uuid, learn bool))
    WITH ORDINALITY AS viewer (id, subject_id, learn, place)
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
    """Log a decision and return its id.

    One document instead of thirty parameters: making SQL of those took longer than PostgreSQL takes to read this.
    """
    decision_id = new_id()
    document = {
        "id": decision_id, "operator_id": entry.operator_id, "at": entry.at, "screen_id": entry.screen_id,
        "scene": entry.scene, "policy": entry.policy, "lease_until": entry.lease_until, "basis": entry.basis,
        "purposes": entry.purposes, "audience": entry.audience, "context": entry.context, "criteria": entry.criteria,
        "model": entry.model, "degraded": entry.degraded, "exploration": entry.exploration,
        "considered": base64.b64encode(entry.considered).decode(),
        "places": [_place(place) for place in entry.places],
        "viewers": [{"id": new_id(), "subject_id": subject, "learn": learn} for subject, learn in entry.viewers],
    }  # fmt: skip
    _WRITE.put_along([orjson.dumps(document).decode()])
    return decision_id


def _place(place: Place) -> dict[str, Any]:
    return {
        "id": new_id(), "creative_id": place.creative_id, "campaign_id": place.campaign_id,
        "category": place.category, "advertiser": place.advertiser, "duration_ms": place.duration_ms,
        "propensity": place.propensity, "score": place.score, "price_micros": place.price_micros,
        "reasons": place.reasons,
    }  # fmt: skip
