"""The threads of one search, the one that asks among them, each on a processor of its own.

In virtual machines a halted processor passes for busy, so Linux puts a thread that wakes beside the one that woke it:
two threads of ours were seen to take turns on one processor while the other slept, for whole searches. So the caller
stays where it is while a crew works, and the others keep away from there.
"""

import ctypes
import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

_LIBC = ctypes.CDLL(None)


class Crew:
    """Threads that share tasks one by one, so that a slow processor delays nobody but itself.

    The threads wait between searches and are no use to a caller that is busy in Python: tasks are calls into faiss,
    onnxruntime and numpy, which let others run meanwhile. Any number of searches may use a crew at the same time.
    """

    def __init__(self, threads: int) -> None:
        """Employ ``threads - 1`` threads beside the caller's."""
        self.size = max(1, threads)
        self._helpers: list[int] = []
        self._apart = os.sched_getaffinity(0)
        self._pool = (
            ThreadPoolExecutor(self.size - 1, thread_name_prefix="gallery", initializer=self._join)
            if self.size > 1
            else None
        )

    def __del__(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False)

    def work(self, task: Callable[[int], object], count: int) -> None:
        """Call ``task`` once with every number below ``count``, lower numbers first; return when all are done.

        Raises:
            Exception: what a task raised, once no task is running any more; others may then have been left out.
        """
        numbers = itertools.count()

        def share() -> None:
            while (number := next(numbers)) < count:  # one step of the interpreter: no two threads get the same
                task(number)

        if self._pool is None or count < 2:
            share()
            return
        allowed, helpers = self._part(), list[Future[None]]()
        try:
            helpers.extend(self._pool.submit(share) for _ in range(min(self.size, count) - 1))
            share()
        finally:
            # One that has not begun is not waited for: the pool may be busy with another search.
            begun = [helper for helper in helpers if not helper.cancel()]
            failures = [error for helper in begun if (error := helper.exception()) is not None]
            _settle(0, allowed)
        if failures:
            raise failures[0]

    def _join(self) -> None:
        """Begin as a helper, elsewhere than the caller, whose processor a new thread would keep to."""
        self._helpers.append(threading.get_native_id())
        _settle(0, self._apart)

    def _part(self) -> set[int]:
        """Keep the caller on its processor and the others off it; return where the caller may go otherwise."""
        allowed, here = os.sched_getaffinity(0), int(_LIBC.sched_getcpu())
        if len(allowed) > 1 and here in allowed:
            self._apart = allowed - {here}
            for helper in tuple(self._helpers):
                _settle(helper, self._apart)
            _settle(0, {here})
        return allowed


def _settle(thread: int, processors: set[int]) -> None:
    """Say where a thread may run; 0 is the caller's."""
    with suppress(OSError):  # a sandbox may forbid it, or have taken a processor away: then it only takes longer
        os.sched_setaffinity(thread, processors)
