"""Start and stop one server process that ends when its parent does."""

import os
import signal
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict

from servers.account import Account
from servers.errors import NotReady
from servers.linux import follow_parent, processes_in
from servers.report import Say, silence, wait_for

ROOT = Path("/")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}


def spawn(
    command: Sequence[str], *, log: Path, account: Account | None, death_signal: signal.Signals, directory: Path = ROOT
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, as another user if one is given, with its output appended to a log file.

    The server receives ``death_signal`` when the thread that called this ends.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=ENVIRONMENT,
            start_new_session=True,
            umask=0o077,
            preexec_fn=partial(follow_parent, os.getpid(), death_signal),  # noqa: PLW1509 the launcher has one thread
            **as_account(account),
        )


class Identity(TypedDict, total=False):
    """The arguments of ``subprocess`` that change the user."""

    user: int
    group: int
    extra_groups: list[int]


def as_account(account: Account | None) -> Identity:
    """Return the arguments of ``subprocess`` that drop to an account."""
    return Identity(user=account.uid, group=account.gid, extra_groups=[]) if account else Identity()


def stop(process: subprocess.Popen[bytes], *signals: tuple[signal.Signals, float]) -> None:
    """Send signals in turn, each followed by its seconds of grace, until the process has ended; at last SIGKILL."""
    for number, grace in signals:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        process.kill()
        process.wait()


def end_leftovers(directory: Path, program: str, *, first: signal.Signals, say: Say = silence) -> None:
    """End servers that a launcher which died left behind in a data directory; the caller holds its lock."""
    for number in (first, signal.SIGKILL):
        for pid in processes_in(directory, program):
            send(pid, number)
        try:
            wait_for(f"a former {program} to end", lambda: not processes_in(directory, program), timeout=20.0, say=say)
        except NotReady:
            continue
        return
    raise NotReady(f"Processes {processes_in(directory, program)} of a former {program} in {directory} do not end.")


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
