"""The heartbeat of a run: tells the database, and through it everybody, that its worker lives and where it is."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from django.db import DatabaseError, InterfaceError, connection

from training.errors import RunTakenAway

logger = logging.getLogger(__name__)

INTERVAL = 10.0
"""Seconds between two beats when nothing happens."""
SHORTEST = 0.5
"""Seconds between two beats however much happens."""

Beat = Callable[[dict[str, Any]], bool]
Observe = Callable[[str, int, int, str], None]


class Heartbeat:
    """Writes progress from a thread of its own, since the main one may be deep in a transaction or in a wait.

    The thread dies with the worker, so a silent run is a run without a worker. A database that is away for a moment is
    waited for; the sweep decides when it was too long.
    """

    def __init__(self, beat: Beat, observe: Observe | None = None) -> None:
        self._beat = beat
        self._observe = observe
        self._progress: dict[str, Any] = {}
        self._news = threading.Event()
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="heartbeat")

    def __enter__(self) -> "Heartbeat":
        """Begin to beat."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; nothing is written afterwards."""
        self._stop.set()
        self._news.set()
        self._thread.join()

    def tell(self, stage: str, done: int, of: int, message: str) -> None:
        """Say where the run is."""
        self._progress = {"stage": stage, "done": done, "of": of, "message": message}
        self._news.set()
        if self._observe is not None:
            self._observe(stage, done, of, message)

    def check(self) -> None:
        """Make sure that the run is still this worker's.

        Raises:
            RunTakenAway: it is not.
        """
        if self._lost.is_set():
            raise RunTakenAway

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._news.clear()
                try:
                    if not self._beat(self._progress):
                        self._lost.set()
                        return
                except (DatabaseError, InterfaceError) as error:
                    logger.warning("A heartbeat was not written: %s", type(error).__name__)
                    connection.close()
                self._stop.wait(SHORTEST)
                self._news.wait(INTERVAL)
        finally:
            connection.close()
