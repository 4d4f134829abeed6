"""Look at every trial of an operator: keep what was measured, roll back what does harm, promote what may be."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import registry.selectors
import registry.services
from core.problems import Conflict
from registry import observations
from registry.selectors import Policy, UnderWay
from training.gates.check import Check
from training.watching import canaries, shadows

ACTOR = "system:watch"
CANARY, SHADOW = "canary", "shadow"


def watch(*, operator_id: UUID, at: datetime) -> dict[str, int]:
    """Look at the open trials, and return how many there were, were rolled back and were promoted.

    The caller has entered the operator's scope.
    """
    counts = {"watched": 0, "rolled_back": 0, "promoted": 0}
    champion = registry.selectors.lineup(operator_id=operator_id).champion
    policy = registry.selectors.policy(operator_id=operator_id)
    for trial in registry.selectors.under_way(operator_id=operator_id):
        if champion is None:
            continue
        counts["watched"] += 1
        figures, checks, decided = _measured(operator_id, trial, champion, policy, at)
        failed = [check for check in checks if not check.passes]
        if trial.stage == CANARY and failed:
            reason = " ".join(check.sentence for check in failed)
            counts["rolled_back"] += _roll_back(operator_id, trial, reason, figures)
            continue
        ready = not failed and is_long_enough(trial, decided, policy, at)
        registry.services.note_figures(
            operator_id=operator_id, trial_id=trial.id, figures=figures, ready=ready, at=at
        )  # fmt: skip
        if ready and policy.automatic:
            counts["promoted"] += _promote(operator_id, trial)
    observations.prune(operator_id=operator_id, at=at)
    return counts


def is_long_enough(trial: UnderWay, decided: int, policy: Policy, at: datetime) -> bool:
    """Return whether a trial has lasted for the hours and decisions that the operator asks for."""
    hours = policy.canary_hours if trial.stage == CANARY else policy.shadow_hours
    return at - trial.started_at >= timedelta(hours=hours) and decided >= policy.trial_decisions


def _measured(
    operator_id: UUID, trial: UnderWay, champion: str, policy: Policy, at: datetime
) -> tuple[dict[str, Any], list[Check], int]:
    shared: dict[str, Any] = {"operator_id": operator_id, "champion": champion, "since": trial.started_at, "at": at}
    if trial.stage == SHADOW:
        report = shadows.report(shadow=trial.file_digest, policy=policy, **shared)
        return report.document(), list(report.checks), report.decisions
    found = canaries.compared(version_id=trial.version_id, canary=trial.file_digest, share=trial.share, **shared)
    checks = canaries.judged(found, policy)
    figures = {
        "decisions": found.canary.decisions, "champion_decisions": found.champion.decisions,
        "plays": found.canary.played.plays, "champion_plays": found.champion.played.plays,
        "guards": [check.document() for check in checks],
    }  # fmt: skip
    return figures, checks, found.canary.decisions


def _roll_back(operator_id: UUID, trial: UnderWay, reason: str, figures: dict[str, Any]) -> int:
    ended = registry.services.roll_back_canary(
        operator_id=operator_id, version_id=trial.version_id, reason=reason, figures=figures, actor=ACTOR
    )
    return int(ended is not None)


def _promote(operator_id: UUID, trial: UnderWay) -> int:
    step = registry.services.activate if trial.stage == CANARY else registry.services.start_canary
    try:
        step(operator_id=operator_id, version_id=trial.version_id, actor=ACTOR)
    except Conflict:
        return 0  # its place is taken, or its file is gone: it stays where it is, and the next look tries again
    return 1
