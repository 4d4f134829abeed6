"""A command the launcher runs beside the servers: a web server, a worker, a step."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from servers import process
from servers.errors import NotReady
from servers.linux import session_members
from servers.report import Say, silence, wait_for

SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY = 60.0


@dataclass(frozen=True, slots=True)
class Command:
    """What to run under which name.

    ``ready`` is asked until it says yes, at most ``ready_timeout`` seconds. ``grace``: seconds between a request to
    stop and SIGKILL. ``echo``: write to the launcher's terminal instead of ``log/<name>.log``.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    ready: Callable[[], bool] | None = None
    ready_timeout: float = 120.0
    grace: float = 20.0
    echo: bool = False


def responds(url: str) -> Callable[[], bool]:
    """Return a check whether an HTTP address answers with a success."""

    def check() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5.0) as answer:  # noqa: S310 an address of ours
                return bool(200 <= answer.status < 300)
        except (OSError, urllib.error.URLError):
            return False

    return check


def in_front(arguments: Sequence[str], *, grace: float, foreground: bool = False) -> list[str]:
    """Return the command line of ``servers.child`` for a command."""
    options = ["--launcher", str(os.getpid()), "--grace", str(grace), *(["--foreground"] if foreground else [])]
    return [sys.executable, "-m", "servers.child", *options, "--", *arguments]


class Running:
    """A command that is kept running."""

    def __init__(self, command: Command, environment: Mapping[str, str], log: Path) -> None:
        self.command = command
        self.environment = {**environment, **command.environment}
        self.log = log
        self.restarts = 0
        self._pause = SHORTEST_PAUSE
        self._started = 0.0
        self._resume: float | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the process in front of the command while that runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, say: Say = silence) -> None:
        """Start the command and return when it is ready.

        Raises:
            NotReady: it ended or stayed silent; the message names its log.
        """
        self._launch()
        try:
            wait_for(self.command.name, self._is_ready, timeout=self.command.ready_timeout, say=say)
        except NotReady as error:
            self.stop()
            raise NotReady(f"{error} Its output: {'above' if self.command.echo else self.log}.") from error

    def revive(self, say: Say) -> bool:
        """Start the command again if it has ended and its pause is over; tell whether anything changed.

        The pause doubles from half a second to half a minute and is short again after a minute of steady work.
        """
        if self._process is None or self._process.poll() is None:
            return False
        now = time.monotonic()
        if self._resume is None:
            self._end_session()
            self._pause = SHORTEST_PAUSE if now - self._started > STEADY else self._pause
            say(f"{self.command.name} ended ({self._process.returncode}); starting it again in {self._pause:.1f} s")
            self._resume = now + self._pause
            self._pause = min(LONGEST_PAUSE, self._pause * 2)
            return True
        if now < self._resume:
            return False
        self.restarts += 1
        self._launch()
        return True

    def ask_to_stop(self) -> None:
        """Send the request to stop and return at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """Stop the command and return when nothing of it is left."""
        if self._process is not None:
            process.stop(self._process, (signal.SIGTERM, self.command.grace + 10.0))
            self._end_session()

    def _launch(self) -> None:
        self._resume = None
        self._started = time.monotonic()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                in_front(self.command.arguments, grace=self.command.grace),
                stdin=subprocess.DEVNULL,
                stdout=None if self.command.echo else output,
                stderr=None if self.command.echo else subprocess.STDOUT,
                cwd=self.command.directory,
                env=self.environment,
                start_new_session=True,
            )

    def _is_ready(self) -> bool:
        if self.pid is None:
            raise NotReady(f"{self.command.name} ended instead of becoming ready.")
        return self.command.ready is None or self.command.ready()

    def _end_session(self) -> None:
        """Kill what a killed process in front could not take along."""
        if self._process is not None:
            for pid in session_members(self._process.pid):
                process.send(pid, signal.SIGKILL)


def run(arguments: Sequence[str], environment: Mapping[str, str], *, grace: float = 20.0) -> int:
    """Run a command on the launcher's terminal and return its exit code.

    A KeyboardInterrupt ends the command, then goes on its way.
    """
    running = subprocess.Popen(in_front(arguments, grace=grace, foreground=True), env=dict(environment))
    try:
        return running.wait()
    except BaseException:
        process.stop(running, (signal.SIGTERM, grace + 10.0))
        raise
