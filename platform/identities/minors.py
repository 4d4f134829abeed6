"""Which operators let apparent minors be anonymous, and the network of this process that tells who is surely adult.

The policy is held in memory and read again when the gallery's epoch moves, so that recognising costs no query more.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import UUID

from django.conf import settings

from core.epochs import Topic
from faceid.errors import ModelsUnavailable
from faceid.liveness.capture import Look
from faceid.minor import AgeCheck, Minors, stays_anonymous
from identities import selectors

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_checks: dict[Path, AgeCheck | None] = {}
_policies: dict[UUID, tuple[int, Minors]] = {}


def check() -> AgeCheck | None:
    """Return the network; None where it is not installed or damaged. Safe to share between threads."""
    folder = Path(settings.FACE_MODELS)
    if folder not in _checks:
        with _lock:
            try:
                _checks[folder] = AgeCheck.load(folder)
            except ModelsUnavailable as error:
                logger.error("Nobody counts as adult: %s", error)
                _checks[folder] = None
    return _checks[folder]


def policy(operator_id: UUID, versions: Mapping[str, int]) -> Minors:
    """Return an operator's policy, at least as new as ``versions`` (no query while nothing changed).

    Args:
        versions: what ``core.epochs.versions`` read in this request.
    """
    wanted = versions.get(Topic.GALLERY, 0)
    known = _policies.get(operator_id)
    if known is None or known[0] < wanted:
        found = selectors.minors(operator_id=operator_id)
        with _lock:  # a slower thread must not turn the memory back
            known = max((wanted, found), _policies.get(operator_id, (-1, found)), key=lambda one: one[0])
            _policies[operator_id] = known
    return known[1]


def must_stay_anonymous(chosen: Minors, looks: Iterable[Look]) -> bool:
    """Say whether somebody may be a minor in any of their looks, under a policy that minds; never anything else."""
    if chosen is Minors.OFF:
        return False
    network = check()
    return any(stays_anonymous(chosen, network, look.image, look.face) for look in looks)
