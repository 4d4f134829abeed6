"""Open and close the times in which a version is watched, and keep what was measured."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.services import record
from registry.errors import UnusableTerms
from registry.models import ModelVersion, Outcome, Stage, Trial
from registry.selectors import Policy


@transaction.atomic
def note_figures(
    *, operator_id: UUID, trial_id: UUID, figures: Mapping[str, Any], ready: bool, at: datetime
) -> Trial | None:
    """Keep what was measured in a trial; None when it has ended.

    Args:
        ready: whether it has passed for long enough; the first time is kept and audited.
    """
    trial = Trial.objects.select_for_update().filter(operator_id=operator_id, id=trial_id, ended_at=None).first()
    if trial is None:
        return None
    if ready and trial.ready_at is None:
        record(
            operator_id=operator_id, actor="system:watch", action=f"model.{trial.stage}_ready",
            target=ModelVersion(id=trial.version_id).public_id, detail={},
        )  # fmt: skip
    trial.ready_at = (trial.ready_at or at) if ready else None
    trial.figures, trial.checked_at = dict(figures), at
    trial.save(update_fields=["figures", "checked_at", "ready_at"])
    return trial


def close(version: ModelVersion, *, outcome: Outcome, reason: str, figures: Mapping[str, Any] | None = None) -> None:
    """End the open trial of a version, if there is one."""
    changes: dict[str, Any] = {"ended_at": timezone.now(), "outcome": outcome, "reason": reason}
    if figures is not None:
        changes["figures"] = dict(figures)
    Trial.objects.filter(operator_id=version.operator_id, version_id=version.id, ended_at=None).update(**changes)


def share_of(stage: Stage, share: float | None, policy: Policy) -> float:
    """Return the share of a trial.

    Raises:
        UnusableTerms: it is not above 0 and at most 1.
    """
    if share is None:
        return policy.shadow_share if stage == Stage.SHADOW else policy.canary_share
    if not 0 < share <= 1:
        raise UnusableTerms(f"share must be above 0 and at most 1, got {share}.")
    return float(share)
