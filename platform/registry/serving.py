"""The rankers that serve: held in memory per operator, swapped while requests run.

A process learns from the epoch of ``Topic.MODELS`` that another version was activated or is tried. The request that
notices reads the lineup and goes on with the rankers at hand, while a background thread loads and warms the new ones
and then replaces one reference. Loading needs no database, so the thread has no connection.

A canary or shadow that cannot be loaded is left out: the champion serves, as everywhere else.
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
from registry import canary, files
from registry.selectors import ActiveVersion, Lineup, OnTrial, active_version, lineup

logger = logging.getLogger(__name__)

RETRY_SECONDS = 30.0
"""A file that could not be loaded is tried again after this time: a shared disk may be late."""

Load = Callable[[str], RankerProtocol]


@dataclass(frozen=True, slots=True)
class Held:
    """What a process serves an operator with.

    Attributes:
        epoch: of ``Topic.MODELS`` when the lineup was last read.
        wanted: whose files it named then.
        ranker: the champion's, or the uniform one.
        canary, shadow: those that are loaded; None without one.
        problem: why one of them is not the wanted one, empty when all are.
        retry_at: monotonic seconds after which a failed load is tried again.
    """

    epoch: int
    wanted: Lineup
    ranker: RankerProtocol
    canary: "Tried | None" = None
    shadow: "Tried | None" = None
    problem: str = ""
    retry_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Tried:
    """A ranker that is tried beside the champion's.

    Attributes:
        share: of screens (canary) or of decisions (shadow).
    """

    version_id: UUID
    share: float
    ranker: RankerProtocol


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
                held = self._loaded(_wanted(operator_id), Held(epoch, Lineup(), UniformRanker()))
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
                name=f"load ranker {(wanted.champion or 'uniform')[:12]}",
            )  # fmt: skip
            self._loaders[operator_id] = loader
            loader.start()

    def _replace(self, operator_id: UUID, wanted: Lineup, held: Held) -> None:
        self._held[operator_id] = self._loaded(wanted, held)

    def _loaded(self, wanted: Lineup, held: Held) -> Held:
        """Return what serves once ``wanted`` was loaded as far as it can be; whatever is loaded already stays."""
        at_hand = {one.version: one for one in _rankers_of(held)}
        problems: list[str] = []
        champion = self._champion(wanted.champion, held.ranker, at_hand, problems)
        canary_ranker = self._tried(wanted.canary, at_hand, problems)
        shadow_ranker = self._tried(wanted.shadow, at_hand, problems)
        retry_at = time.monotonic() + RETRY_SECONDS if problems else 0.0
        return Held(held.epoch, wanted, champion, canary_ranker, shadow_ranker, "; ".join(problems), retry_at)

    def _champion(
        self, digest: str | None, former: RankerProtocol, at_hand: Mapping[str, RankerProtocol], problems: list[str]
    ) -> RankerProtocol:
        if digest is None:
            return UniformRanker()
        try:
            ranker = at_hand.get(digest) or self._load(digest)
        except (OSError, RankerRefused) as error:
            problems.append(f"model {digest[:12]} could not be loaded, {former.version[:12]} serves on: {error}")
            logger.error("%s", problems[-1])
            return former
        if ranker is not former:
            logger.info("Ranker %s serves now", digest[:12])
        return ranker

    def _tried(
        self, wanted: OnTrial | None, at_hand: Mapping[str, RankerProtocol], problems: list[str]
    ) -> Tried | None:
        if wanted is None:
            return None
        try:
            ranker = at_hand.get(wanted.file_digest) or self._load(wanted.file_digest)
        except (OSError, RankerRefused) as error:
            problems.append(f"model {wanted.file_digest[:12]} could not be loaded and is not tried: {error}")
            logger.error("%s", problems[-1])
            return None
        return Tried(wanted.version_id, wanted.share, ranker)


def _rankers_of(held: Held) -> list[RankerProtocol]:
    return [held.ranker, *(tried.ranker for tried in (held.canary, held.shadow) if tried is not None)]


def _wanted(operator_id: UUID) -> Lineup:
    return lineup(operator_id=operator_id)


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


def ranker_for(operator_id: UUID, versions: Mapping[str, int], screen_id: UUID) -> RankerProtocol:
    """Return the ranker that decides at a screen: the canary's where the screen takes part in one, else the champion's.

    Costs what `active_ranker` costs: nothing while the epoch stands still.
    """
    champion = active_ranker(operator_id, versions)
    held = _rankers.holding(operator_id)
    if (
        held is None
        or held.canary is None
        or not canary.takes_part(screen_id, held.canary.version_id, held.canary.share)
    ):
        return champion
    return held.canary.ranker


def champion_beside(operator_id: UUID, ranker: RankerProtocol) -> RankerProtocol | None:
    """Return the champion's ranker where another one, the canary's, is to decide; None where it is no canary's.

    It scores in the same request when the canary's fails. Never a query.
    """
    held = _rankers.holding(operator_id)
    return held.ranker if held is not None and held.canary is not None and held.canary.ranker is ranker else None


def on_trial(operator_id: UUID) -> Held | None:
    """Return what this process holds when a canary or a shadow is among it, else None; never a query."""
    held = _rankers.holding(operator_id)
    return held if held is not None and (held.canary or held.shadow) else None


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
