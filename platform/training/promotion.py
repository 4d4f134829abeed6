"""Where a model goes that passed the gate: on the operator's terms, and never past a place that is taken."""

from dataclasses import dataclass
from uuid import UUID

import registry.selectors
import registry.services
from registry.errors import IllegalMove, StageTaken
from registry.selectors import ActiveVersion, Policy

ACTOR = "system:training"
CANARY, SHADOW = "canary", "shadow"


@dataclass(frozen=True, slots=True)
class Promotion:
    """The stage a model reached, and why it went no further; ``why`` is empty when it went where it was to go."""

    stage: str
    why: str = ""


def route_of(policy: Policy, active: ActiveVersion | None) -> str:
    """Return where a model goes that passed the gate.

    At once to all screens when nothing serves, since there is nothing to compare with, and when what serves learnt from
    somebody who was erased, since it must not serve longer than it has to.
    """
    return "direct" if active is None or active.awaits_retrain else policy.route


def promote(*, operator_id: UUID, version_id: UUID) -> Promotion:
    """Move a model that passed the gate to where the operator's terms let it go.

    Raises:
        ModelFileUnusable: its file cannot be served.
    """
    active = registry.selectors.active_version(operator_id=operator_id)
    route = route_of(registry.selectors.policy(operator_id=operator_id), active)
    start = {CANARY: registry.services.start_canary, SHADOW: registry.services.start_shadow}.get(route)
    try:
        if start is None:
            version = registry.services.activate(operator_id=operator_id, version_id=version_id, actor=ACTOR)
        else:
            version = start(operator_id=operator_id, version_id=version_id, actor=ACTOR)
    except (StageTaken, IllegalMove) as error:
        return Promotion("candidate", error.detail)
    return Promotion(version.stage)
