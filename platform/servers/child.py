"""Run one command, and end it with all its descendants when the launcher dies: ``python -m servers.child``.

The launcher starts this small process in front of every command of ours. The kernel tells it when the launcher ends,
however it ends, and makes it the parent of whatever the command leaves behind, so that web workers and the children of
a task pool go too, which no signal to the command alone could promise.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence

from servers.linux import adopt_orphans, descendants, follow_parent

STOPPING = {signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
GRACE_WITHOUT_LAUNCHER = 5.0
NOT_FOUND = 127


class Child:
    """One command and its end."""

    def __init__(self, command: Sequence[str], *, launcher: int, grace: float, foreground: bool) -> None:
        self.launcher = launcher
        self.grace = grace
        # In the foreground the terminal itself sends the command its SIGINT.
        self.forwarded = STOPPING if foreground else STOPPING | {signal.SIGINT}
        self.awaited = STOPPING | {signal.SIGINT, signal.SIGCHLD}
        former = signal.pthread_sigmask(signal.SIG_BLOCK, self.awaited)
        follow_parent(launcher, signal.SIGTERM)
        adopt_orphans()
        self.pid = os.fork()
        if self.pid == 0:
            _become(command, former)

    def wait(self) -> int:
        """Return the command's exit code (128 + n after signal n) once nothing of it is left."""
        deadline: float | None = None
        code: int | None = None
        while code is None:
            number = self._next_signal(deadline)
            if number is None:
                break
            if number in self.forwarded:
                os.kill(self.pid, number)
                orphaned = os.getppid() != self.launcher
                deadline = deadline or time.monotonic() + (GRACE_WITHOUT_LAUNCHER if orphaned else self.grace)
            code = self._reap()
        leftover = self._end_descendants()
        return code if code is not None else leftover

    def _next_signal(self, deadline: float | None) -> int | None:
        if deadline is None:
            return signal.sigwait(self.awaited)
        received = signal.sigtimedwait(self.awaited, max(0.0, deadline - time.monotonic()))
        return received.si_signo if received else None

    def _reap(self) -> int | None:
        """Collect ended processes; return the command's exit code if it is among them."""
        code = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return code
            if pid == 0:
                return code
            if pid == self.pid:
                code = os.waitstatus_to_exitcode(status)
                code = 128 - code if code < 0 else code

    def _end_descendants(self) -> int:
        """Kill what is left until nothing is; return the command's exit code as far as it is known by then."""
        code = 128 + signal.SIGKILL
        while remaining := descendants(os.getpid()):
            for pid in remaining:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            signal.sigtimedwait({signal.SIGCHLD}, 0.05)
            code = self._reap() or code
        return code


def _become(command: Sequence[str], mask: set[signal.Signals] | set[int]) -> None:
    """Turn the forked process into the command."""
    try:
        # Should somebody kill the process in front, the command must not run on without it.
        follow_parent(os.getppid(), signal.SIGKILL)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.execvp(command[0], list(command))  # noqa: S606 no shell is the point
    except OSError as error:
        sys.stderr.write(f"Cannot run {command[0]}: {error.strerror}.\n")
        sys.stderr.flush()
    finally:
        os._exit(NOT_FOUND)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run the command, return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m servers.child", description=__doc__)
    parser.add_argument("--launcher", type=int, required=True, help="process id of the launcher")
    parser.add_argument("--grace", type=float, default=20.0, help="seconds between a request to stop and SIGKILL")
    parser.add_argument("--foreground", action="store_true", help="share the launcher's terminal")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("a command is missing")
    return Child(command, launcher=options.launcher, grace=options.grace, foreground=options.foreground).wait()


if __name__ == "__main__":
    sys.exit(main())
