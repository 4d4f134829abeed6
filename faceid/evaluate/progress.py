"""Telling somebody who waits how far a long run has come."""

import sys
import time
from typing import TextIO

_EVERY = 5.0


class Progress:
    """Writes a line to the errors every five seconds; a run that ends sooner writes nothing."""

    def __init__(self, what: str, total: int, stream: TextIO | None = None) -> None:
        """Start the clock.

        Args:
            what: what is counted, such as ``pictures``.
            total: how many there are.
            stream: where to write; standard error unless given.
        """
        self._what, self._total = what, total
        self._stream = sys.stderr if stream is None else stream
        self._begin = self._told = time.monotonic()

    def at(self, done: int) -> None:
        """Say that ``done`` are finished."""
        now = time.monotonic()
        if done and now - self._told >= _EVERY:
            self._told = now
            left = (now - self._begin) / done * (self._total - done)
            self._stream.write(f"{done:,} of {self._total:,} {self._what}, {left:.0f} s left\n")
            self._stream.flush()
