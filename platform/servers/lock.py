"""One launcher per state directory."""

import fcntl
import os
from pathlib import Path

from servers.errors import AlreadyRunning
from servers.state import State


class Lock:
    """An advisory lock that the kernel drops when its holder ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether the lock is ours."""
        return self._descriptor is not None

    def acquire(self) -> None:
        """Take the lock and write our process id into the file.

        Raises:
            AlreadyRunning: somebody else holds it.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunning(
                f"The servers of {self.path.parent} are run by process {read_pid(self.path) or 'unknown'} already. Use "
                "them, stop them with `manage.py servers down`, or set VITRINE_STATE to another directory."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Drop the lock; nothing happens when it is not ours."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder(state: State) -> int | None:
    """Return the process id of the launcher that runs a state directory's servers, None if nobody does.

    0 stands for a launcher that has taken the lock this very moment and not signed it yet.
    """
    try:
        descriptor = os.open(state.lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_pid(state.lock) or 0
    finally:
        os.close(descriptor)
    return None


def read_pid(path: Path) -> int | None:
    """Return the number in the first line of a file, None when there is none."""
    try:
        first = path.read_text().partition("\n")[0].strip()
    except OSError:
        return None
    return int(first) if first.isdigit() else None
