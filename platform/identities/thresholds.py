"""The rule by which this process recognises for an operator: their calibration where there is one, else the defaults.

Held in memory and read again when the gallery's epoch moves, so that recognising costs no query more.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from django.db.models import QuerySet

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
_known: dict[UUID, tuple[int, dict[tuple[str, UUID | None], Rule]]] = {}


def rule(operator_id: UUID, pipeline: Pipeline, versions: Mapping[str, int], *, venue_id: UUID | None = None) -> Rule:
    """Return the rule for probes of one recogniser, at least as new as ``versions`` (no query while nothing changed).

    Args:
        pipeline: what made the probes.
        venue_id: where they were made; its own calibration goes before the operator's. None: anywhere.
        versions: what ``core.epochs.versions`` read in this request.
    """
    wanted = versions.get(Topic.GALLERY, 0)
    known = _known.get(operator_id)
    if known is None or known[0] < wanted:
        rows = CalibrationRow.objects.filter(operator_id=operator_id)
        found = {(row.contract, row.venue_id): Rule.of(Calibration.of(row.content)) for row in rows}
        with _lock:  # a slower thread must not turn the memory back
            known = max((wanted, found), _known.get(operator_id, (-1, found)), key=lambda one: one[0])
            _known[operator_id] = known
    contract, rules = pipeline.contract().id, known[1]
    return rules.get((contract, venue_id)) or rules.get((contract, None)) or Rule()


def calibrations(*, operator_id: UUID, venue_id: UUID | None = None) -> dict[str, Calibration]:
    """Return calibrations by the id of the recogniser's contract without protection (one query).

    Args:
        venue_id: those of this venue alone; None: the operator's, which hold where a venue has none.
    """
    return {row.contract: Calibration.of(row.content) for row in held_at(operator_id=operator_id, venue_id=venue_id)}


def held_at(*, operator_id: UUID, venue_id: UUID | None) -> QuerySet[CalibrationRow]:
    """Return the rows of one venue, or the operator's."""
    rows = CalibrationRow.objects.filter(operator_id=operator_id)
    return rows.filter(venue=None) if venue_id is None else rows.filter(venue_id=venue_id)


def advice(*, operator_id: UUID, pipeline: Pipeline, gallery_size: int, venue_id: UUID | None = None) -> str | None:
    """Say why an operator should calibrate, or None while there is no need.

    Args:
        pipeline: the recogniser in use.
        gallery_size: subjects enrolled now, at the venue if one is named.
        venue_id: whose calibration is asked for; None: the operator's.
    """
    held = calibrations(operator_id=operator_id, venue_id=venue_id)
    mine = held.get(pipeline.contract().id)
    if mine is not None:
        return needs_recalibration(mine, gallery_size)
    if held:
        instead = "the default threshold" if venue_id is None else "the operator's threshold"
        return f"The recogniser changed since the last calibration, so {instead} holds."
    if venue_id is not None:
        return None
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
