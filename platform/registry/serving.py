"""The ranker that serves: held in memory per operator, swapped while requests run.

A process learns from the epoch of ``Topic.MODELS`` that another version was activated. The request that notices reads
the pointer and goes on with the ranker at hand, while a background thread loads and warms the new one and then replaces
one reference. Loading needs no database, so the thread has no connection.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from core.epochs import Topic
from core.epochs import versions as epoch_versions
from recsys.serving.protocol import RankerProtocol
from recsys.serving.ranker import Ranker, RankerRefused
from recsys.serving.uniform import UniformRanker
from registry import files
from registry.selectors import ActiveVersion, active_version

logger = logging.getLogger(__name__)

RETRY_SECONDS = 30.0
"""A file that could not be loaded is tried again after this time: a shared disk may be late."""

Load = Callable[[str], RankerProtocol]


@dataclass(frozen=True, slots=True)
class Held:
    """What a process serves an operator with.

    Attributes:
        epoch: of ``Topic.MODELS`` when the pointer was last read.
        wanted: digest the pointer named then, None when no version was active.
        problem: why ``ranker`` is not the wanted one, empty when it is.
        retry_at: monotonic seconds after which a failed load is tried again.
    """

    epoch: int
    wanted: str | None
    ranker: RankerProtocol
    problem: str = ""
    retry_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Status:
    """What this process serves an operator with, for people.

    Attributes:
        active: the version the registry says serves.
        serving: the version of the ranker in this process: a file digest, or ``uniform``.
        loading: whether another one is being loaded.
        problem: why the active version is not served, empty when it is.
    """

    active: ActiveVersion | None
    serving: str
    loading: bool
    problem: str


class Rankers:
    """The rankers of one process, one per operator, with at most one loader per operator."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._held: dict[UUID, Held] = {}
        self._loaders: dict[UUID, threading.Thread] = {}
        self._lock = threading.Lock()
        self._first: dict[UUID, threading.Lock] = {}

    def active(self, operator_id: UUID, epoch: int) -> RankerProtocol:
        """Return the ranker at hand, and see to it that a newer one follows."""
        held = self._held.get(operator_id)
        if held is None:
            return self._begin(operator_id, epoch).ranker
        if held.epoch != epoch or (held.problem and time.monotonic() >= held.retry_at):
            self._refresh(operator_id, epoch)
            return self._held[operator_id].ranker
        return held.ranker

    def holding(self, operator_id: UUID) -> Held | None:
        """Return what is held for an operator."""
        return self._held.get(operator_id)

    def loading(self, operator_id: UUID) -> bool:
        """Return whether a loader works for an operator."""
        loader = self._loaders.get(operator_id)
        return loader is not None and loader.is_alive()

    def wait(self, operator_id: UUID) -> None:
        """Wait until the operator's loader, if there is one, has finished."""
        loader = self._loaders.get(operator_id)
        if loader is not None:
            loader.join()

    def _begin(self, operator_id: UUID, epoch: int) -> Held:
        with self._lock:
            first = self._first.setdefault(operator_id, threading.Lock())
        with first:
            held = self._held.get(operator_id)
            if held is None:
                held = self._loaded(_wanted(operator_id), Held(epoch, None, UniformRanker()))
                self._held[operator_id] = held
        return held

    def _refresh(self, operator_id: UUID, epoch: int) -> None:
        wanted = _wanted(operator_id)
        with self._lock:
            held = self._held[operator_id]
            if self.loading(operator_id):
                return
            if wanted == held.wanted and not held.problem:
                self._held[operator_id] = replace(held, epoch=epoch)
                return
            loader = threading.Thread(
                target=self._replace, args=(operator_id, wanted, replace(held, epoch=epoch)), daemon=True,
                name=f"load ranker {(wanted or 'uniform')[:12]}",
            )  # fmt: skip
            self._loaders[operator_id] = loader
            loader.start()

    def _replace(self, operator_id: UUID, wanted: str | None, held: Held) -> None:
        self._held[operator_id] = self._loaded(wanted, held)

    def _loaded(self, wanted: str | None, held: Held) -> Held:
        if wanted is None:
            return Held(held.epoch, None, UniformRanker())
        try:
            ranker = self._load(wanted)
        except (OSError, RankerRefused) as error:
            problem = f"model {wanted[:12]} could not be loaded, {held.ranker.version[:12]} serves on: {error}"
            logger.error("%s", problem)
            return replace(held, wanted=wanted, problem=problem, retry_at=time.monotonic() + RETRY_SECONDS)
        logger.info("Ranker %s serves now", wanted[:12])
        return Held(held.epoch, wanted, ranker)


def _wanted(operator_id: UUID) -> str | None:
    active = active_version(operator_id=operator_id)
    return active.file_digest if active else None


def _load(digest: str) -> RankerProtocol:
    return Ranker.load(files.path_of(digest), digest)


_rankers = Rankers(_load)


def active_ranker(operator_id: UUID, versions: Mapping[str, int]) -> RankerProtocol:
    """Return the ranker that serves an operator; never fails for want of a model.

    Args:
        versions: the epochs of this request, from ``core.epochs.versions``; the scope of the operator is entered.

    No query while the epoch of ``Topic.MODELS`` stands still, one when it moved. The first call of a process loads
    within the request; later versions are loaded in the background while the former one serves. Without a version, or
    when the file of the very first one cannot be loaded, it is the uniform ranker.
    """
    return _rankers.active(operator_id, versions.get(Topic.MODELS, 0))


def status(operator_id: UUID) -> Status:
    """Return what this process serves an operator with, and what is wrong with the rest."""
    active_ranker(operator_id, epoch_versions(operator_id=operator_id))
    held = _rankers.holding(operator_id)
    assert held is not None
    return Status(
        active=active_version(operator_id=operator_id),
        serving=held.ranker.version,
        loading=_rankers.loading(operator_id),
        problem=held.problem,
    )


def wait_until_loaded(operator_id: UUID) -> None:
    """Wait for the loader of an operator; for tools that print what serves after an activation."""
    _rankers.wait(operator_id)
