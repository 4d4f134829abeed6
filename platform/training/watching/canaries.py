"""Judge a canary by what it did beside the champion, and end it when it does harm."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import decisions.scores
from decisions.scores import Made
from events.engagement import ATTRIBUTION_WINDOW
from events.selectors.outcomes import Outcome, outcomes
from registry import observations
from registry.canary import takes_part
from registry.selectors import Policy
from training.gates.check import Check
from training.watching.guards import Compared, Counted, guards
from training.watching.sequential import Rate

LONGEST_BEFORE = timedelta(days=14)
SHORTEST_BEFORE = timedelta(days=1)


def compared(
    *, operator_id: UUID, version_id: UUID, canary: str, champion: str, share: float, since: datetime, at: datetime
) -> Compared:
    """Return what a canary and the champion did in the same time, and their screens before.

    Args:
        canary, champion: SHA-256 of their files.
        since: when the canary began.
    """
    made = decisions.scores.made_by(operator_id=operator_id, models=[canary, champion], since=since, until=at)
    settled = at - ATTRIBUTION_WINDOW
    played = outcomes(operator_id=operator_id, since=since, until=settled, models=[canary, champion])
    sides = {
        model: _counted(
            operator_id, model, made.get(model, Made()), [one for one in played if one.model == model], since
        )
        for model in (canary, champion)
    }
    lasted = min(max(at - since, SHORTEST_BEFORE), LONGEST_BEFORE)
    before = outcomes(operator_id=operator_id, since=since - lasted, until=since)
    groups: tuple[list[bool], list[bool]] = ([], [])
    for one in before:
        groups[0 if takes_part(one.screen_id, version_id, share) else 1].append(one.label)
    return Compared(sides[canary], sides[champion], (Rate.of(groups[0]), Rate.of(groups[1])))


def judged(found: Compared, policy: Policy) -> list[Check]:
    """Return the guardrails of a canary."""
    return guards(found, policy.guardrails)


def _counted(operator_id: UUID, model: str, made: Made, played: Sequence[Outcome], since: datetime) -> Counted:
    seen = observations.observed(operator_id=operator_id, model=model, since=since)
    return Counted(
        decisions=made.decisions,
        degraded=made.degraded,
        watched=seen.watched,
        failed=seen.failed,
        took_ms=seen.took_ms,
        played=Rate.of(one.label for one in played),
        forecast=sum(one.score for one in played),
        spread=sum(one.score * (1 - one.score) for one in played),
    )
