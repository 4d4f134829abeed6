"""What came of the plays of a time, beside what the ranker had said: for those who watch models."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import decisions.scores
import decisions.selectors
from core.ids import public_id
from decisions.selectors import Shown
from events.engagement import attributed
from events.selectors.histories import chunks
from events.selectors.traffic import staff_decisions, valid_engagements, valid_plays

LIMIT = 20_000


class Played(NamedTuple):
    """A valid play of a choice, and which version made it."""

    decision_id: UUID
    position: int
    model: str


class Outcome(NamedTuple):
    """One valid play.

    Attributes:
        model: version of the ranker that decided.
        score: by which the creative was chosen.
        known: whether it was chosen for somebody models may learn from.
        context: what the ranker was told about place and time.
        label: whether somebody engaged, as far as reported.
    """

    decision_id: UUID
    position: int
    screen_id: UUID
    at: datetime
    model: str
    score: float
    known: bool
    creative: str
    category: str
    advertiser: str | None
    context: dict[str, Any]
    label: bool


def outcomes(
    *, operator_id: UUID, since: datetime, until: datetime, models: Collection[str] | None = None, limit: int = LIMIT
) -> list[Outcome]:
    """Return the valid plays that began in a time, the latest ones when there are more than ``limit``.

    Args:
        until: leave the attribution window before now, or engagements to come are missing.
        models: only of decisions by these versions; None for all.
    """
    staff = staff_decisions(operator_id=operator_id)
    plays = valid_plays(operator_id=operator_id, staff=staff).filter(
        decision__isnull=False, repeat=False, started_at__gte=since, started_at__lt=until
    )
    if models is not None:
        plays = plays.filter(decision__model__in=models)
    rows = plays.order_by("-started_at").values_list("decision_id", "position", "decision__model")[:limit]
    found: list[Outcome] = []
    for chunk in chunks(map(Played._make, rows)):
        decision_ids = {play.decision_id for play in chunk}
        shared: dict[str, Any] = {"operator_id": operator_id, "decision_ids": decision_ids}
        shown = decisions.selectors.shown(**shared)
        scores = decisions.scores.scores(**shared)
        beheld = decisions.selectors.viewers_of(**shared)
        engaged = set(
            valid_engagements(operator_id=operator_id, staff=staff)
            .filter(attributed(), decision_id__in=decision_ids, positive=True)
            .values_list("decision_id", "position")
        )
        for play in chunk:
            key = (play.decision_id, play.position)
            known = any(viewer.learn for viewer in beheld.get(play.decision_id, ()))
            found.append(_outcome(shown[key], play.model, scores[key], known=known, label=key in engaged))
    return found


def _outcome(choice: Shown, model: str, score: float, *, known: bool, label: bool) -> Outcome:
    return Outcome(
        decision_id=choice.decision_id,
        position=choice.position,
        screen_id=choice.screen_id,
        at=choice.at,
        model=model,
        score=score,
        known=known,
        creative=public_id("crv", choice.creative_id),
        category=choice.category,
        advertiser=choice.advertiser or None,
        context=choice.context,
        label=label,
    )
