"""Progress lines, and waiting that tells what it waits for."""

import sys
import time
from collections.abc import Callable

from servers.errors import NotReady

Say = Callable[[str], None]

PATIENCE = 2.0
INTERVAL = 0.02


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def silence(line: str) -> None:
    """Print nothing."""
    del line


def wait_for(what: str, done: Callable[[], bool], *, timeout: float, say: Say = silence) -> float:
    """Return the seconds it took until ``done()`` was true.

    Says so every two seconds while it waits. Whatever ``done`` raises is passed on.

    Raises:
        NotReady: ``timeout`` seconds went by.
    """
    start = time.monotonic()
    next_line = PATIENCE
    while not done():
        waited = time.monotonic() - start
        if waited > timeout:
            raise NotReady(f"Waited {timeout:.0f} s for {what}, in vain.")
        if waited > next_line:
            say(f"  waiting for {what} ({waited:.0f} s)")
            next_line += PATIENCE
        time.sleep(INTERVAL)
    return time.monotonic() - start
