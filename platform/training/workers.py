"""Which process works on a run, and whether it can still be there."""

import os
import socket


def here() -> str:
    """Return the name of this process: machine and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def is_gone(worker: str) -> bool:
    """Return whether a worker of this machine has ended; of another machine's nothing is known, so False.

    A process id that was given away again looks alive; then only the missing heartbeats tell.
    """
    host, _, pid = worker.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
