"""The few things only the Linux kernel can do for a launcher: parent-death signals, adoption, a look at processes."""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

from servers.errors import ServersError

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PROC = Path("/proc")

if not sys.platform.startswith("linux"):
    raise ServersError(
        "The embedded servers need Linux. Elsewhere, run PostgreSQL (15 or later, with pgvector 0.8 or later) and "
        "Redis (7 or later) yourself and set DATABASE_URL and REDIS_URL."
    )

_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def follow_parent(parent: int, death_signal: signal.Signals) -> None:
    """Have the kernel send ``death_signal`` to this process when the thread that forked it ends.

    To be called in the child, after its user was changed (a change clears the setting). Also forbids core dumps, which
    could hold what must never reach a disk. Ends the process when ``parent`` had died before the setting was made.
    """
    _prctl(PR_SET_PDEATHSIG, death_signal)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def processes_in(directory: Path, program: str) -> list[int]:
    """Return the process ids that run ``program`` (a file name) with ``directory`` as their working directory.

    Both PostgreSQL and Valkey change into their data directory, so this tells a server from a stranger who merely got
    the process id that an old lock file names. Processes of other users are invisible unless one is root.
    """
    wanted = directory.resolve()
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            executable = (entry / "exe").readlink().name
            working_directory = (entry / "cwd").readlink()
        except OSError:
            continue
        if executable.removesuffix(" (deleted)") == program and working_directory == wanted:
            found.append(int(entry.name))
    return sorted(found)


def _fields(pid: int) -> list[str]:
    """Return state, parent, process group, session and more of a living process; nothing of a dead one or a zombie."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [] if fields[0] in "ZX" else fields


def parent_of(pid: int) -> int | None:
    """Return the parent's process id, or None when there is no such process or it is a zombie."""
    fields = _fields(pid)
    return int(fields[1]) if fields else None


def session_members(session: int) -> list[int]:
    """Return the living processes of a session."""
    candidates = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return [pid for pid in candidates if (fields := _fields(pid)) and int(fields[3]) == session]


def descendants(pid: int) -> list[int]:
    """Return all living descendants of a process, nearest first."""
    parents: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (parent := parent_of(int(entry.name))) is not None:
            parents.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    queue = [pid]
    while queue:
        children = parents.get(queue.pop(0), [])
        found += children
        queue += children
    return found


def exists(pid: int) -> bool:
    """Tell whether a process id is taken, by whomever."""
    return (PROC / str(pid)).exists()
