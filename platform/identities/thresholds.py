"""The rule by which this process recognises for an operator: their calibration where there is one, else the defaults.

Held in memory and read again when the gallery's epoch moves, so that recognising costs no query more.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from core.epochs import Topic
from core.problems import Problem
from faceid.match import IMPOSTOR_MARGIN, THRESHOLD_DEFAULT
from faceid.openset.calibration import Calibration, needs_recalibration
from faceid.pipeline import Pipeline
from identities import selectors
from identities.faces import current
from identities.models import Calibration as CalibrationRow


@dataclass(frozen=True, slots=True)
class Rule:
    """What ``faceid.match.identify`` asks for: least cosine, and least distance to the second-best subject."""

    threshold: float = THRESHOLD_DEFAULT
    margin: float = IMPOSTOR_MARGIN

    @classmethod
    def of(cls, calibration: Calibration | None) -> Self:
        """Return the rule of a calibration; the defaults without one."""
        return cls() if calibration is None else cls(calibration.threshold, calibration.margin)


_lock = threading.Lock()
_known: dict[UUID, tuple[int, dict[str, Rule]]] = {}


def rule(operator_id: UUID, pipeline: Pipeline, versions: Mapping[str, int]) -> Rule:
    """Return the rule for probes of one recogniser, at least as new as ``versions`` (no query while nothing changed).

    Args:
        pipeline: what made the probes.
        versions: what ``core.epochs.versions`` read in this request.
    """
    wanted = versions.get(Topic.GALLERY, 0)
    known = _known.get(operator_id)
    if known is None or known[0] < wanted:
        found = {name: Rule.of(one) for name, one in calibrations(operator_id=operator_id).items()}
        with _lock:  # a slower thread must not turn the memory back
            known = max((wanted, found), _known.get(operator_id, (-1, found)), key=lambda one: one[0])
            _known[operator_id] = known
    return known[1].get(pipeline.contract().id, Rule())


def calibrations(*, operator_id: UUID) -> dict[str, Calibration]:
    """Return an operator's calibrations by the id of the recogniser's contract without protection (one query)."""
    rows = CalibrationRow.objects.filter(operator_id=operator_id)
    return {row.contract: Calibration.of(row.content) for row in rows}


def advice(*, operator_id: UUID, pipeline: Pipeline, gallery_size: int) -> str | None:
    """Say why an operator should calibrate, or None while there is no need.

    Args:
        pipeline: the recogniser in use.
        gallery_size: subjects enrolled now.
    """
    held = calibrations(operator_id=operator_id)
    mine = held.get(pipeline.contract().id)
    if mine is not None:
        return needs_recalibration(mine, gallery_size)
    if held:
        return "The recogniser changed since the last calibration, so the default threshold holds."
    return None if gallery_size < _WORTHWHILE else "The gallery was never calibrated, so the default threshold holds."


def hint(*, operator_id: UUID) -> str | None:
    """Say why an operator should calibrate, as far as it can be told now; None while there is no need.

    Without models or keys there is nothing to say: whoever enrols or recognises is told of that.
    """
    if not selectors.count(operator_id=operator_id):
        return None
    try:
        space = current(operator_id).active
    except Problem:
        return None
    size = selectors.count_subjects(operator_id=operator_id, contract=space.id)
    return advice(operator_id=operator_id, pipeline=space.pipeline, gallery_size=size)


_WORTHWHILE = 100
"""Subjects from which a gallery can be calibrated by itself."""
