"""How long the phases of a decision took, for ``Server-Timing`` (W3C) and the bench."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Phases:
    """A stop-watch with named phases."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time one phase."""
        begin = time.perf_counter()
        yield
        self.milliseconds[name] = (time.perf_counter() - begin) * 1000

    def header(self) -> str:
        """Return the phases as a ``Server-Timing`` value."""
        return ", ".join(f"{name};dur={duration:.2f}" for name, duration in self.milliseconds.items())
