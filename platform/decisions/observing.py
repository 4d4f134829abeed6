"""Hand decisions over to whoever watches models on trial; without a trial this costs nothing."""

import random
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction

import registry.serving
from core.ids import public_id
from decisions.audience import Audience
from decisions.slate import Pick, Scored
from recsys.features import Context
from registry import observing

CREATIVE = "crv"


def observe(
    *,
    operator_id: UUID,
    decision_id: UUID,
    at: datetime,
    context: Context,
    audience: Audience,
    scored: Scored,
    picks: Sequence[Pick],
    milliseconds: float,
) -> None:
    """Hand a decision over once it is committed, if a model is on trial; never a query, never a wait.

    Args:
        milliseconds: what scoring took.
    """
    tried = registry.serving.on_trial(operator_id)
    if tried is None:
        return
    shadow = tried.shadow if tried.shadow is not None and random.random() < tried.shadow.share else None  # noqa: S311
    decided = scored.failed or scored.model
    canary = tried.canary is not None and tried.canary.ranker.version == decided
    if tried.canary is None and shadow is None:
        return
    places = {key: place for place, key in enumerate(scored.eligible.candidates.keys)}
    seen = observing.Seen(
        operator_id=operator_id,
        decision_id=decision_id,
        at=at,
        model=decided,
        canary=canary,
        took_us=round(milliseconds * 1000),
        failed=bool(scored.failed),
        shadow=shadow,
        context=context,
        viewers=audience.viewers,
        weights=audience.weights,
        candidates=scored.eligible.candidates,
        scores=scored.scores,
        shown=[places[public_id(CREATIVE, pick.offer.id)] for pick in picks],
    )
    transaction.on_commit(partial(observing.offer, seen), robust=True)
