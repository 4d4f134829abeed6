"""The supervisor: PostgreSQL, then Valkey, then commands; stopped in the opposite order; one per state directory."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import FrameType, TracebackType
from typing import Self

from servers import command, urls
from servers.command import Command, Running
from servers.errors import NotReady, ServersError, StepFailed
from servers.lock import Lock
from servers.pair import Pair
from servers.postgres import Postgres
from servers.report import Say
from servers.report import say as print_line
from servers.state import State, open_state
from servers.valkey import Valkey

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERVAL = 0.2
SERVER_RESTARTS = 5
SERVER_RESTARTS_WITHIN = 60.0


class Supervisor:
    """Runs the servers of a state directory and the commands that use them.

    Use it as a context manager in the main thread: children end with the thread that started them. SIGINT, SIGTERM and
    SIGHUP raise KeyboardInterrupt inside the block, and leaving the block stops everything.
    """

    def __init__(self, state: State | None = None, *, durable: bool = True, say: Say = print_line) -> None:
        self.state = state or open_state()
        self.say = say
        self._pair = Pair(self.state, durable=durable)
        self._lock = Lock(self.state.lock)
        self._running: list[Running] = []
        self._server_restarts: list[float] = []
        self._started = datetime.now(UTC)
        self._former_handlers: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The environment for commands: ours, with DATABASE_URL, REDIS_URL and VITRINE_STATE."""
        return os.environ | urls.environment(self.state) | {"VITRINE_STATE": str(self.state.root)}

    def __enter__(self) -> Self:
        """Take the lock and start the servers.

        Raises:
            AlreadyRunning: another launcher has the state directory.
            NotReady: a server does not start; nothing is left running.
        """
        if threading.current_thread() is not threading.main_thread():
            raise ServersError("Start the servers in the main thread: they end with the thread that started them.")
        self._lock.acquire()
        self._handle_signals(_interrupt)
        try:
            self._pair.start(self.say)
            self._write_report()
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
        self._running.append(running)
        running.start(self.say)
        self._write_report()

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
        changed = [self._revive(server) for server in (self._pair.postgres, self._pair.valkey)]
        changed += [running.revive(self.say) for running in self._running]
        if any(changed):
            self._write_report()

    def _revive(self, server: Postgres | Valkey) -> bool:
        if server.pid is not None:
            return False
        now = time.monotonic()
        self._server_restarts = [at for at in self._server_restarts if now - at < SERVER_RESTARTS_WITHIN] + [now]
        if len(self._server_restarts) > SERVER_RESTARTS:
            raise NotReady(f"{server.name} ends again and again. Its log is {self.state.log(server.name)}.")
        self.say(f"{server.name} ended; starting it again")
        server.start(self.say)
        return True

    def _leave(self) -> None:
        """Stop everything, newest first, deaf to further signals."""
        former, self._former_handlers = self._former_handlers, {}
        for number in STOP_SIGNALS:
            signal.signal(number, _ignore)
        for running in self._running:
            running.ask_to_stop()
        for running in reversed(self._running):
            running.stop()
        self._running.clear()
        self._pair.stop()
        self.state.report.unlink(missing_ok=True)
        self._lock.release()
        for number, handler in former.items():
            signal.signal(number, handler)

    def _handle_signals(self, handler: Callable[[int, FrameType | None], None]) -> None:
        for number in STOP_SIGNALS:
            self._former_handlers[number] = signal.signal(number, handler)

    def _write_report(self) -> None:
        """Leave a note for ``servers status``; it appears when the servers are ready."""
        servers = [(server.name, server.pid, 0) for server in (self._pair.postgres, self._pair.valkey)]
        commands = [(running.command.name, running.pid, running.restarts) for running in self._running]
        processes = [{"name": name, "pid": pid, "restarts": restarts} for name, pid, restarts in servers + commands]
        note = {"pid": os.getpid(), "started_at": self._started.isoformat(), "processes": processes}
        fresh = self.state.report.with_suffix(".new")
        fresh.write_text(json.dumps(note))
        fresh.replace(self.state.report)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore(_number: int, _frame: FrameType | None) -> None:
    sys.stderr.write("Stopping already.\n")
