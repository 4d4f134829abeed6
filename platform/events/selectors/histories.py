"""What each person had engaged with before a moment: read once, in order of time, however long the log is."""

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from heapq import heappush, heappushpop
from itertools import islice
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import Greatest, RowNumber

import decisions.selectors
from core.ids import public_id
from decisions.selectors import Beheld
from events.models import Engagement
from recsys.features import HISTORY_LENGTH

CHUNK = 2000
T = TypeVar("T")

named = lru_cache(maxsize=65_536)(public_id)
"""Public ids of what comes again and again: creatives and people."""


class Memory(NamedTuple):
    """One engagement of a person; memories are in order of the time it happened."""

    at: datetime
    creative: str
    category: str


@dataclass(frozen=True, slots=True)
class Learnt:
    """A memory, and since when it was known here: once it had both happened and been received."""

    known_at: datetime
    subject_id: UUID
    memory: Memory


class Histories:
    """The newest engagements of every learner as of a moment that only moves forwards.

    A person's history holds at most `HISTORY_LENGTH` memories, so what is held grows with the people, not with the
    log.
    """

    def __init__(self, learnt: Iterator[Learnt]) -> None:
        self._coming = learnt
        self._next = next(learnt, None)
        self._newest: dict[UUID, list[Memory]] = {}

    def before(self, at: datetime, subject_id: UUID) -> list[Memory]:
        """Return what was known of a person before ``at``, newest first; ``at`` never moves backwards."""
        while self._next is not None and self._next.known_at < at:
            self._add(self._next)
            self._next = next(self._coming, None)
        return sorted(self._newest.get(subject_id, ()), reverse=True)

    def _add(self, learnt: Learnt) -> None:
        newest = self._newest.setdefault(learnt.subject_id, [])
        if len(newest) < HISTORY_LENGTH:
            heappush(newest, learnt.memory)
        else:
            heappushpop(newest, learnt.memory)


@dataclass(slots=True)
class Past:
    """What one person of an imported log engaged with so far; rows of one instant do not see each other."""

    settled: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=HISTORY_LENGTH))
    pending: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=HISTORY_LENGTH))
    instant: datetime | None = None

    def before(self, at: datetime) -> list[tuple[str, str]]:
        """Return what was engaged with before ``at``, newest first; calls come in order of time."""
        if self.instant is None or at > self.instant:
            self.settled.extendleft(self.pending)
            self.pending.clear()
            self.instant = at
        return list(self.settled)


def histories(*, operator_id: UUID, until: datetime, learners: Collection[UUID]) -> Histories:
    """Return the histories of learners, to be asked in order of time (streamed from a cursor of the server)."""
    return Histories(_learnt(operator_id, until, learners))


def learners_of(beheld: Collection[Beheld], learners: Collection[UUID]) -> list[UUID]:
    """Return those of a decision's viewers who may be learnt from, by then and now."""
    return [viewer.subject_id for viewer in beheld if viewer.learn and viewer.subject_id in learners]


def chunks(rows: Iterator[T]) -> Iterator[list[T]]:
    """Cut a stream into lists."""
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _learnt(operator_id: UUID, until: datetime, learners: Collection[UUID]) -> Iterator[Learnt]:
    """Yield the engagement each choice was first remembered by, for each learner, in order of being known.

    First received, not first happened: a report that comes later does not change what a profile held before
    (``events.services.ingest`` remembers the same one).
    """
    arrival = Window(
        RowNumber(), partition_by=(F("decision_id"), F("position")), order_by=(F("received_at"), F("at"), F("id"))
    )
    firsts = (
        Engagement.objects.filter(operator_id=operator_id, positive=True, received_at__lte=until)
        .annotate(arrival=arrival, known=Greatest("received_at", "at"))
        .filter(arrival=1)
        .order_by("known", "id")
        .values_list("decision_id", "position", "at", "known")
    )
    for chunk in chunks(firsts.iterator(CHUNK)):
        decision_ids = {decision_id for decision_id, *_ in chunk}
        beheld = decisions.selectors.viewers_of(operator_id=operator_id, decision_ids=decision_ids)
        shown = decisions.selectors.shown(operator_id=operator_id, decision_ids=beheld.keys())
        for decision_id, position, at, known in chunk:
            for subject_id in learners_of(beheld.get(decision_id, ()), learners):
                choice = shown[decision_id, position]
                memory = Memory(at, named("crv", choice.creative_id), choice.category)
                yield Learnt(known, subject_id, memory)
