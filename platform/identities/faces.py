"""The face pipeline of this process, loaded when the first face comes."""

import threading
from uuid import UUID

from django.conf import settings

from faceid.contract import EmbeddingContract
from faceid.pipeline import Pipeline
from identities.errors import face_problems
from identities.keys import protection

_lock = threading.Lock()
_loaded: Pipeline | None = None


def pipeline() -> Pipeline:
    """Return the pipeline; safe to share between threads.

    Raises:
        Unavailable: the models are missing or damaged.
    """
    global _loaded
    if _loaded is None:
        with _lock, face_problems():
            _loaded = _loaded or Pipeline.load(settings.FACE_MODELS)
    return _loaded


def contract(operator_id: UUID) -> EmbeddingContract:
    """Return the contract of an operator's templates and probes."""
    return pipeline().contract(protection(operator_id).name)
