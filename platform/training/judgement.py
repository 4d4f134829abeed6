"""What is found out about a trained model before it may serve: the gate's verdict, its lift, how its data looked."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import registry.files
import registry.selectors
from core.tenancy import operator_scope
from recsys.pictures.looks import Looks
from recsys.serving.ranker import DigestMismatch, Ranker, RankerRefused
from training import gate, lift
from training.drift import log_rows
from training.drift.reference import reference
from training.errors import RunFailed

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the gate said of a challenger.

    Attributes:
        champion_id: whom it was measured against.
        reference: how the log looked (``training.drift.reference``).
        lift: what it would have earned (``training.lift``).
    """

    measured: gate.Measured
    verdict: gate.Verdict
    champion_id: UUID | None
    reference: dict[str, Any]
    lift: dict[str, Any]


def judge(*, operator_id: UUID, dataset: Path, challenger: Path, looks: Looks | None = None) -> Judged:
    """Measure a trained model against the champion on the later rows of its dataset, on the operator's terms.

    Args:
        looks: what the creatives look like; a model gets them if it learnt from the vision that described them.

    Raises:
        RunFailed: the champion's file is not the registered one.
        RankerRefused: the challenger's file cannot be served.
    """
    with operator_scope(operator_id):
        active = registry.selectors.active_version(operator_id=operator_id)
        terms = registry.selectors.policy(operator_id=operator_id).gates
    must_go = active is not None and active.awaits_retrain
    champion = _champion(active.file_digest, must_go=must_go) if active else None
    ranker = Ranker.load(challenger, registry.files.digest_of(challenger))
    measured = gate.compare(gate.read(dataset, looks), ranker, champion)
    verdict = gate.judge(measured, terms, champion_must_go=must_go)
    looked = reference(log_rows.played(dataset), ranker)
    with operator_scope(operator_id):
        earned = lift.report(operator_id=operator_id, dataset=dataset, challenger=ranker, champion=champion)
    return Judged(measured, verdict, active.version_id if active else None, looked, earned)


def _champion(digest: str, *, must_go: bool) -> Ranker | None:
    """Return what serves; None when it is lost or made for other software, which only a new model mends."""
    try:
        return Ranker.load(registry.files.path_of(digest), digest)
    except DigestMismatch as error:
        if must_go:
            return None
        raise RunFailed(
            "champion_changed",
            f"The file of the champion {digest[:12]} was changed, so nothing can be measured against it;"
            " it serves on from memory. Restore the file, or activate another version.",
        ) from error
    except (OSError, RankerRefused) as error:
        logger.error("The champion cannot be asked, so its challenger need only beat the base rate: %s", error)
        return None
