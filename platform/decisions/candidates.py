"""What may be shown to this audience here and now: policy from memory, money and caps from the database."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import catalog.serving
from catalog.selectors import Spending
from catalog.serving import Eligible, Placement
from decisions.audience import Audience
from decisions.limits import Used
from decisions.present import Present
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
    scene: SceneView,
    audience: Audience,
    present: Present,
    at: datetime,
) -> Eligible:
    """Return what may be shown; no query while the catalogue has not changed."""
    found = catalog.serving.eligible(
        catalog.serving.snapshot(operator_id, present.versions),
        placement_of(scene, present.situation),
        at=at,
        timezone=present.situation.timezone,
        spent=_charged(present.spent, present.used),
        personal_allowed=audience.personal_allowed,
    )
    return _uncapped(found, present.used.shown([person.id for person in audience.personalised]))


def _charged(spent: Mapping[UUID, Spending], spoken_for: Used) -> Mapping[UUID, Spending]:
    """Count what open leases may still cost as spent."""
    charged = dict(spent)
    for campaign_id, micros in spoken_for.committed.items():
        total, today = charged.get(campaign_id, Spending(0, 0))
        charged[campaign_id] = Spending(total + micros, today + micros)
    return charged


def _uncapped(found: Eligible, shown: dict[UUID, int]) -> Eligible:
    """Leave out campaigns that somebody here was shown as often as they may be today."""
    if not shown:
        return found
    return found.where(found.snapshot.flights.below_cap(shown)[found.campaign])
