"""What may be shown to this audience here and now: policy from memory, money and caps from two queries."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import catalog.selectors
import catalog.serving
from catalog.selectors import Spending
from catalog.serving import Eligible, Placement
from decisions.audience import Audience
from decisions.clock import day_start
from decisions.limits import Used, used
from signage.serving import SceneView, Situation


def placement_of(scene: SceneView, situation: Situation) -> Placement:
    """Return a scene's policy in the words of the catalogue."""
    policy = scene.policy
    return Placement(
        scene=scene.key,
        venue_category=situation.venue_category,
        allowed_categories=policy.allowed_categories,
        denied_categories=policy.denied_categories,
        denied_when_paid=policy.denied_when_paid,
        minimum_ages=policy.minimum_ages,
        paid_allowed=policy.paid_allowed,
        assured_age=scene.assured_age,
    )


def candidates(
    *,
    operator_id: UUID,
    situation: Situation,
    scene: SceneView,
    audience: Audience,
    versions: Mapping[str, int],
    at: datetime,
) -> Eligible:
    """Return what may be shown; two queries, however many creatives and viewers there are."""
    subject_ids = [person.id for person in audience.personalised]
    today = day_start(at, situation.timezone)
    spoken_for = used(operator_id=operator_id, subject_ids=subject_ids, day_start=today, at=at)
    found = catalog.serving.eligible(
        catalog.serving.snapshot(operator_id, versions),
        placement_of(scene, situation),
        at=at,
        timezone=situation.timezone,
        spent=_charged(catalog.selectors.spent(operator_id=operator_id, at=at), spoken_for),
        personal_allowed=audience.personal_allowed,
    )
    return _uncapped(found, spoken_for)


def _charged(spent: Mapping[UUID, Spending], spoken_for: Used) -> Mapping[UUID, Spending]:
    """Count what open leases may still cost as spent."""
    charged = dict(spent)
    for campaign_id, micros in spoken_for.committed.items():
        total, today = charged.get(campaign_id, Spending(0, 0))
        charged[campaign_id] = Spending(total + micros, today + micros)
    return charged


def _uncapped(found: Eligible, spoken_for: Used) -> Eligible:
    """Leave out campaigns that somebody here was shown as often as they may be today."""
    if not spoken_for.shown:
        return found
    return found.where(found.snapshot.flights.below_cap(spoken_for.shown)[found.campaign])
