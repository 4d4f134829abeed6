"""Compare what the champion sees now with what it learnt from, and keep the alerts that follow."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import registry.files
import registry.selectors
from events.engagement import ATTRIBUTION_WINDOW
from events.selectors.outcomes import Outcome, outcomes
from recsys.serving.ranker import Ranker, RankerRefused
from registry.selectors import ActiveVersion
from training import alerting
from training.drift.findings import (
    Finding,
    Scored,
    calibration_drift,
    data_drift,
    embedding_drift,
)
from training.drift.reference import FEWEST_ROWS, Profile, Row

logger = logging.getLogger(__name__)

WINDOW = timedelta(days=7)
"""A week, so that hours and weekdays are as mixed as in what was learnt from."""


def watch(*, operator_id: UUID, at: datetime) -> dict[str, int]:
    """Settle the alerts of an operator's champion; too few plays to judge by leave them as they are.

    The caller has entered the operator's scope.
    """
    active = registry.selectors.active_version(operator_id=operator_id)
    if active is None:
        return {}
    seen = outcomes(operator_id=operator_id, since=at - WINDOW, until=at - ATTRIBUTION_WINDOW)
    if len(seen) < FEWEST_ROWS:
        return {}
    found = findings(operator_id=operator_id, active=active, seen=seen)
    return alerting.settle(operator_id=operator_id, version_id=active.version_id, findings=found, at=at)


def findings(*, operator_id: UUID, active: ActiveVersion, seen: Sequence[Outcome]) -> list[Finding]:
    """Return what has drifted for a champion; without a reference only its calibration is judged."""
    own = [Scored(one.score, one.label) for one in seen if one.model == active.file_digest]
    found = calibration_drift(own)
    version = registry.selectors.get(operator_id=operator_id, version_id=active.version_id)
    learnt = Profile.read(version.reference)
    if learnt is None:
        return found
    rows = [row_of(one) for one in seen]
    found += data_drift(learnt, rows)
    try:
        ranker = Ranker.load(registry.files.path_of(active.file_digest), active.file_digest)
    except (OSError, RankerRefused) as error:
        logger.error("Embedding drift of model %s cannot be judged: %s", active.file_digest[:12], error)
        return found
    return found + embedding_drift(learnt, rows, ranker)


def row_of(outcome: Outcome) -> Row:
    """Return a play as drift is measured on it; what the log lacks counts as missing."""
    context = outcome.context
    return Row(
        creative=outcome.creative,
        category=outcome.category,
        advertiser=outcome.advertiser,
        screen=str(context.get("screen", "")),
        venue=str(context.get("venue", "")),
        venue_category=str(context.get("venue_category", "")),
        scene=str(context.get("scene", "")),
        hour=context.get("hour", ""),
        weekday=context.get("weekday", ""),
        position=outcome.position,
        party=context.get("party", ""),
        known=outcome.known,
    )
