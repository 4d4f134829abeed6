"""The liveness detector and the network that sees lids, of this process, loaded when the first face comes."""

import logging
import threading
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from faceid.errors import ModelsUnavailable
from faceid.liveness.bundle import DIRECTORY, MANIFEST
from faceid.liveness.capture import Capture
from faceid.liveness.detector import LivenessDetector
from faceid.liveness.method import Evidence
from faceid.liveness.policy import SCREEN, Policy
from faceid.mesh import FaceMesh

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_detectors: dict[Path, LivenessDetector] = {}
_meshes: dict[Path, FaceMesh | None] = {}


class Liveness(StrEnum):
    """What is known of a viewer's liveness."""

    LIVE = "live"
    SUSPECTED = "suspected"
    UNAVAILABLE = "unavailable"
    UNJUDGED = "unjudged"


class Judged(NamedTuple):
    """A verdict as an answer may carry it: ``score`` is the probability of a living person, None without a verdict."""

    liveness: Liveness
    score: float | None = None


UNJUDGED = Judged(Liveness.UNJUDGED)
"""Nobody looked: no face, or nobody who would be recognised."""


def detector() -> LivenessDetector | None:
    """Return the detector; None where its models were not trained or are damaged. Safe to share between threads."""
    folder = Path(settings.FACE_MODELS)
    if folder not in _detectors and (folder / DIRECTORY / MANIFEST).exists():
        with _lock:
            try:
                _detectors[folder] = LivenessDetector.load(folder)
            except ModelsUnavailable as error:
                logger.error("Liveness cannot be judged: %s", error)
    return _detectors.get(folder)


def mesh() -> FaceMesh | None:
    """Return the network that sees lids; None where it is not installed."""
    folder = Path(settings.FACE_MODELS)
    if folder not in _meshes:
        with _lock:
            try:
                _meshes[folder] = FaceMesh.load(folder)
            except ModelsUnavailable as error:
                logger.error("Lids are judged without their network: %s", error)
                _meshes[folder] = None
    return _meshes[folder]


def judged(capture: Capture, policy: Policy = SCREEN, *, extra: Sequence[Evidence] = ()) -> Judged:
    """Judge a capture, with evidence from elsewhere such as a challenge; without a detector the answer says so."""
    found = detector()
    if found is None:
        return Judged(Liveness.UNAVAILABLE)
    verdict = found.judge(capture, policy, extra=extra)
    return Judged(Liveness.LIVE if verdict.live else Liveness.SUSPECTED, round(verdict.score, 3))
