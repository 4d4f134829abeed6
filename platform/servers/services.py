"""Keep commands running until a signal asks to stop."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Self

from servers import command
from servers.command import Command, Running
from servers.errors import ServersError, StepFailed
from servers.report import Say
from servers.report import say as print_line
from servers.state import State, open_state

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERVAL = 0.2


class Services:
    """Runs commands, restarts those that end, stops them together; their servers are somebody else's.

    Use it as a context manager in the main thread: children end with the thread that started them. SIGINT, SIGTERM and
    SIGHUP raise KeyboardInterrupt inside the block, and leaving the block stops everything.
    """

    def __init__(self, state: State | None = None, *, say: Say = print_line) -> None:
        self.state = state or open_state()
        self.say = say
        self.running: list[Running] = []
        self._former_handlers: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The environment for commands: ours, with VITRINE_STATE."""
        return os.environ | {"VITRINE_STATE": str(self.state.root)}

    def __enter__(self) -> Self:
        """Listen to signals and begin."""
        if threading.current_thread() is not threading.main_thread():
            raise ServersError("Start the servers in the main thread: they end with the thread that started them.")
        for number in STOP_SIGNALS:
            self._former_handlers[number] = signal.signal(number, _interrupt)
        try:
            self._begin()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()

    def run(self, name: str, arguments: Sequence[str]) -> None:
        """Run a command to its end on our terminal.

        Raises:
            StepFailed: it returned a non-zero exit code.
        """
        code = command.run(arguments, self.environment)
        if code != 0:
            raise StepFailed(f"The step {name} failed with exit code {code}.")

    def spawn(self, wanted: Command) -> None:
        """Start a command to be kept running, and return when it is ready.

        Raises:
            NotReady: it ended or stayed silent; it is not running then.
        """
        running = Running(wanted, self.environment, self.state.log(wanted.name))
        self.running.append(running)
        running.start(self.say)
        self._changed()

    def supervise(self, until: Callable[[], bool] = lambda: False) -> None:
        """Restart what ends, until a signal asks to stop or ``until()`` is true.

        Raises:
            NotReady: a server ended six times within a minute.
        """
        try:
            while not until():
                self.tend()
                time.sleep(INTERVAL)
        except KeyboardInterrupt:
            self.say("Stopping")

    def tend(self) -> None:
        """Restart once whatever has ended; for callers with a loop of their own."""
        revived = [running.revive(self.say) for running in self.running]
        if any(revived):
            self._changed()

    def _begin(self) -> None:
        """Start what commands need; whatever was started is ended by ``_end``."""

    def _end(self) -> None:
        """End what ``_begin`` started, also when it failed half-way."""

    def _changed(self) -> None:
        """Take note of a command that was started."""

    def _leave(self) -> None:
        """Stop everything, newest first, deaf to further signals."""
        former, self._former_handlers = self._former_handlers, {}
        for number in STOP_SIGNALS:
            signal.signal(number, _ignore)
        for running in self.running:
            running.ask_to_stop()
        for running in reversed(self.running):
            running.stop()
        self.running.clear()
        self._end()
        for number, handler in former.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore(_number: int, _frame: FrameType | None) -> None:
    sys.stderr.write("Stopping already.\n")
