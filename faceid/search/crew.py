"""The threads of one search, the one that asks among them."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Crew:
    """Threads that share tasks one by one, so that a slow processor delays nobody but itself.

    The threads wait between searches and are no use to a caller that is busy in Python: tasks are calls into faiss,
    onnxruntime and numpy, which let others run meanwhile. Any number of searches may use a crew at the same time.
    """

    def __init__(self, threads: int) -> None:
        """Employ ``threads - 1`` threads beside the caller's."""
        self.size = max(1, threads)
        self._pool = ThreadPoolExecutor(self.size - 1, thread_name_prefix="gallery") if self.size > 1 else None

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

        helpers = [] if self._pool is None else [self._pool.submit(share) for _ in range(min(self.size, count) - 1)]
        try:
            share()
        finally:
            # One that has not begun is not waited for: the pool may be busy with another search.
            begun = [helper for helper in helpers if not helper.cancel()]
            failures = [error for helper in begun if (error := helper.exception()) is not None]
        if failures:
            raise failures[0]
