"""What runs in a state directory."""

import json
import os
import signal
from dataclasses import dataclass

from servers import postgres, valkey
from servers.linux import parent_of
from servers.lock import holder
from servers.report import Say, silence, wait_for
from servers.state import State

STOP_TIMEOUT = 180.0
START_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One process of a launcher; ``pid`` is None while it pauses before a restart."""

    name: str
    pid: int | None
    restarts: int


@dataclass(frozen=True, slots=True)
class Status:
    """A launcher and its processes; no launcher when ``pid`` is None."""

    pid: int | None
    entries: tuple[Entry, ...] = ()
    postgres_answers: bool = False
    redis_answers: bool = False

    @property
    def running(self) -> bool:
        """Both servers can be used."""
        return self.pid is not None and self.postgres_answers and self.redis_answers


def look(state: State) -> Status:
    """Return what runs now, asked of the processes themselves."""
    pid = holder(state)
    if pid is None:
        return Status(None)
    return Status(pid, _entries(state, pid), postgres.answers(state), valkey.answers(state))


def is_ready(state: State) -> bool:
    """Tell whether a launcher has started both servers."""
    pid = holder(state)
    return pid is not None and bool(_entries(state, pid))


def wait_until_ready(state: State, say: Say = silence) -> None:
    """Wait for a launcher that is starting, or until it has given up."""
    wait_for("the servers", lambda: holder(state) is None or is_ready(state), timeout=START_TIMEOUT, say=say)


def stop(state: State, say: Say = silence) -> bool:
    """Ask the launcher to stop and wait until it has; False when there is none."""
    pid = holder(state)
    if not pid:
        return False
    os.kill(pid, signal.SIGTERM)
    wait_for("the servers to stop", lambda: holder(state) is None, timeout=STOP_TIMEOUT, say=say)
    return True


def _entries(state: State, launcher: int) -> tuple[Entry, ...]:
    try:
        note = json.loads(state.report.read_text())
    except FileNotFoundError:
        return ()
    if note["pid"] != launcher:
        return ()
    return tuple(
        Entry(item["name"], item["pid"] if item["pid"] and parent_of(item["pid"]) else None, item["restarts"])
        for item in note["processes"]
    )
