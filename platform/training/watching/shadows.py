"""Judge a shadow by what it would have said about plays the champion chose."""

from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import fmean
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from events.engagement import ATTRIBUTION_WINDOW
from events.selectors.outcomes import outcomes
from recsys.training.metrics import auc, expected_calibration_error, log_loss
from registry import observations
from registry.selectors import Policy
from registry.terms import Gates
from training.gates.check import Check
from training.gates.resampling import differences, log_loss_figure
from training.watching.guards import errors, latency

FEWEST_PLAYS = 100
SEED = 2026


@dataclass(frozen=True, slots=True)
class Quality:
    """How good forecasts of plays were; ``auc`` is None when all of them ended alike."""

    log_loss: float
    auc: float | None
    ece: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a shadow did beside the champion.

    Attributes:
        decisions: that it scored as well.
        agreement: mean rank correlation with who decided, None before the first.
        same_first: share of decisions in which both found the same creative best.
        plays: of these decisions, by which both are measured.
    """

    decisions: int
    agreement: float | None
    same_first: float | None
    plays: int
    shadow: Quality | None
    champion: Quality | None
    checks: tuple[Check, ...]

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        told = {name: value for name, value in asdict(self).items() if name != "checks"}
        return told | {"guards": [check.document() for check in self.checks]}


def report(*, operator_id: UUID, shadow: str, champion: str, since: datetime, at: datetime, policy: Policy) -> Report:
    """Return how a shadow does, on the plays of decisions it scored as well.

    Args:
        shadow, champion: SHA-256 of their files.
    """
    own = observations.observed(operator_id=operator_id, model=shadow, since=since)
    theirs = observations.observed(operator_id=operator_id, model=champion, since=since)
    said = observations.shadowed(operator_id=operator_id, model=shadow, since=since)
    agreements = [one.agreement for one in said if one.agreement is not None]
    firsts = [one.same_first for one in said if one.same_first is not None]
    scores = {one.decision_id: one.scores for one in said}
    played = [
        (scores[one.decision_id][one.position], one.score, one.label)
        for one in outcomes(operator_id=operator_id, since=since, until=at - ATTRIBUTION_WINDOW, models=[champion])
        if one.position < len(scores.get(one.decision_id, ()))
    ]
    columns = [np.array(column, dtype=np.float64) for column in zip(*played, strict=True)] if played else []
    return Report(
        decisions=own.watched,
        agreement=fmean(agreements) if agreements else None,
        same_first=fmean(firsts) if firsts else None,
        plays=len(played),
        shadow=_quality(columns[2], columns[0]) if columns else None,
        champion=_quality(columns[2], columns[1]) if columns else None,
        checks=(
            errors(own.watched, own.failed, policy.guardrails),
            latency(own.took_ms, theirs.took_ms, policy.guardrails),
            _forecasts(columns, policy.gates),
        ),
    )


def _quality(labels: NDArray[np.float64], scores: NDArray[np.float64]) -> Quality:
    return Quality(log_loss(labels, scores), auc(labels, scores), expected_calibration_error(labels, scores))


def _forecasts(columns: list[NDArray[np.float64]], terms: Gates) -> Check:
    plays = len(columns[0]) if columns else 0
    if plays < FEWEST_PLAYS:
        sentence = f"{plays} plays are too few to judge its forecasts by."
        return Check("forecasts", None, None, True, sentence, judged=False)
    shadow, champion, labels = columns
    figure = log_loss_figure(labels, shadow, champion, np.ones(plays, dtype=bool))
    [found] = differences([figure], np.full(plays, -1, dtype=np.intp), SEED)
    low, high = found.interval()
    sentence = (
        f"Its log loss on {plays} plays is {found.value:+.4f} against the champion's ({low:+.4f} to {high:+.4f});"
        f" it may be {terms.log_loss_tolerance:.4f} worse."
    )
    return Check(
        "forecasts", found.value, terms.log_loss_tolerance, low <= terms.log_loss_tolerance, sentence, (low, high)
    )
