"""The exploration heads a process holds: reloaded when the epoch says that a posterior was learnt anew."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from core.epochs import Topic
from decisions import selectors
from recsys.exploration.head import Head
from recsys.exploration.posterior import Posterior, UnusablePosterior

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """The heads of one operator at one epoch, by the version of the ranker whose scores they correct."""

    epoch: int
    heads: Mapping[str, Head]


_held: dict[UUID, Held] = {}


def head(operator_id: UUID, versions: Mapping[str, int], model: str) -> Head | None:
    """Return the head for a ranker's scores, None while too little is known; never fails for want of one.

    Args:
        versions: ``core.epochs.versions`` of this request.
        model: version of the ranker that scored.

    No query while the epoch of ``Topic.EXPLORATION`` stands still, one when it moved.
    """
    epoch = versions.get(Topic.EXPLORATION, 0)
    held = _held.get(operator_id)
    if held is None or held.epoch != epoch:
        # A catalogue that never learnt anything has epoch 0 and needs no query either.
        found = selectors.posteriors(operator_id=operator_id) if epoch else {}
        heads = {version: one for version, document in found.items() if (one := _head(document)) is not None}
        held = _held[operator_id] = Held(epoch, heads)
    return held.heads.get(model)


def _head(document: bytes) -> Head | None:
    try:
        return Head(Posterior.read(document))
    except UnusablePosterior as error:
        logger.error("A posterior cannot be used, so chance explores alone: %s", error)
        return None
