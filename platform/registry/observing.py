"""Watch what rankers do while one is on trial, off the path of the decision.

A decision hands over what it knows once it is committed and goes on: into a queue of this process that never waits and
never grows beyond its bound; what does not fit is left out and counted. One thread lets the shadow score, and writes
observations in batches. A shadow that fails is an observation too, and nobody else notices.
"""

import logging
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import DatabaseError, InterfaceError, connection
from numpy.typing import NDArray

from core.tenancy import operator_scope
from recsys.features import Candidates, Context, Viewer
from registry.agreement import rank_correlation
from registry.models import Observation, Stage
from registry.serving import Tried

logger = logging.getLogger(__name__)

CAPACITY = 512
"""Decisions that may wait."""
BATCH = 64
PATIENCE = 1.0
"""Seconds a batch waits for more."""
LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Seen:
    """A decision as it is handed over.

    Attributes:
        model: SHA-256 of the file of who decided, or was to decide and failed.
        canary: whether that is the canary; else the champion.
        took_us: microseconds of its scoring.
        failed: whether it could not score.
        shadow: who scores the same, None when it is not this decision's turn.
        weights: of the viewers, shape (viewers,).
        scores: of who decided, shape (candidates,).
        shown: places of the shown creatives among the candidates, best place first.
    """

    operator_id: UUID
    decision_id: UUID
    at: datetime
    model: str
    canary: bool
    took_us: int
    failed: bool
    shadow: Tried | None
    context: Context
    viewers: Sequence[Viewer]
    weights: NDArray[np.float32]
    candidates: Candidates
    scores: NDArray[np.float64]
    shown: Sequence[int]


class Observer:
    """One queue and one thread of a process; the thread begins with the first decision and dies with the process."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.left_out = 0
        self._waiting: queue.Queue[Seen] = queue.Queue(capacity)
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def offer(self, seen: Seen) -> None:
        """Hand a decision over; never waits and never fails."""
        try:
            self._waiting.put_nowait(seen)
        except queue.Full:
            self.left_out += 1
            return
        if self._thread is None:
            self._begin()

    def drain(self) -> int:
        """Observe in this thread whatever waits, and return how many decisions that were."""
        batch = self._take(0.0)
        keep(batch)
        return len(batch)

    def _begin(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="observe models")
                self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                keep(self._take(PATIENCE))
            except (DatabaseError, InterfaceError) as error:
                logger.warning("Observations were not written: %s", type(error).__name__)
            except Exception:
                logger.exception("Observations were not made")
            finally:
                connection.close()

    def _take(self, patience: float) -> list[Seen]:
        """Return what waits, at most a batch; wait for the first for ever when there is patience, for more briefly."""
        taken: list[Seen] = []
        until = None
        while len(taken) < BATCH:
            try:
                if not patience:
                    taken.append(self._waiting.get_nowait())
                else:
                    taken.append(self._waiting.get(timeout=None if until is None else max(until - time.monotonic(), 0)))
                    until = until or time.monotonic() + patience
            except queue.Empty:
                break
        return taken


def keep(batch: Sequence[Seen]) -> None:
    """Let shadows score and write what was observed: one statement for each operator."""
    for operator_id in {seen.operator_id for seen in batch}:
        rows = [row for seen in batch if seen.operator_id == operator_id for row in observe(seen)]
        with operator_scope(operator_id):
            Observation.objects.bulk_create(rows, ignore_conflicts=True)


def observe(seen: Seen) -> list[Observation]:
    """Return what is to be kept of a decision: who decided, and the shadow when it scored as well."""
    decided = Observation(
        operator_id=seen.operator_id,
        decision_id=seen.decision_id,
        stage=Stage.CANARY if seen.canary else Stage.CHAMPION,
        model=seen.model,
        at=seen.at,
        took_us=min(seen.took_us, LARGEST),
        failed=seen.failed,
    )
    return [decided] if seen.shadow is None else [decided, _shadowed(seen, seen.shadow)]


def _shadowed(seen: Seen, shadow: Tried) -> Observation:
    row = Observation(
        operator_id=seen.operator_id, decision_id=seen.decision_id, stage=Stage.SHADOW, model=shadow.ranker.version,
        at=seen.at, took_us=0,
    )  # fmt: skip
    begin = time.perf_counter()
    try:
        scores = (seen.weights @ shadow.ranker.rank(seen.context, seen.viewers, seen.candidates)).astype(np.float64)
        if not np.isfinite(scores).all():
            raise ValueError("the shadow gave scores that are no numbers")
    except Exception:  # whatever a shadow does wrong is its own affair
        logger.exception("Shadow %s failed", shadow.ranker.version[:12])
        row.failed = True
        return row
    row.took_us = min(round((time.perf_counter() - begin) * 1e6), LARGEST)
    row.scores = [float(scores[place]) for place in seen.shown]
    if not seen.failed and len(scores) > 1:
        row.agreement = rank_correlation(scores, seen.scores)
        row.same_first = bool(scores.argmax() == seen.scores.argmax())
    return row


_observer = Observer()


def offer(seen: Seen) -> None:
    """Hand a decision to this process's observer; never waits and never fails."""
    _observer.offer(seen)
