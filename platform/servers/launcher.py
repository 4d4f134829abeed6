"""The supervisor: PostgreSQL, then Valkey, then commands; stopped in the opposite order; one per state directory."""

import json
import os
import time
from datetime import UTC, datetime

from servers import urls
from servers.errors import NotReady
from servers.lock import Lock
from servers.pair import Pair
from servers.postgres import Postgres
from servers.report import Say
from servers.report import say as print_line
from servers.services import Services
from servers.state import State
from servers.valkey import Valkey

SERVER_RESTARTS = 5
SERVER_RESTARTS_WITHIN = 60.0


class Supervisor(Services):
    """Runs the servers of a state directory and the commands that use them.

    Entering it takes the lock and starts the servers. Raises AlreadyRunning when another launcher has the state
    directory, and NotReady when a server does not start: then nothing is left running.
    """

    def __init__(self, state: State | None = None, *, durable: bool = True, say: Say = print_line) -> None:
        super().__init__(state, say=say)
        self._pair = Pair(self.state, durable=durable)
        self._lock = Lock(self.state.lock)
        self._server_restarts: list[float] = []
        self._started = datetime.now(UTC)

    @property
    def environment(self) -> dict[str, str]:
        """The environment for commands: ours, with DATABASE_URL, REDIS_URL and VITRINE_STATE."""
        return super().environment | urls.environment(self.state)

    def tend(self) -> None:
        """Restart once whatever has ended, servers first."""
        revived = [self._revive(server) for server in (self._pair.postgres, self._pair.valkey)]
        if any(revived):
            self._changed()
        super().tend()

    def _begin(self) -> None:
        self._lock.acquire()
        self._pair.start(self.say)
        self._changed()

    def _end(self) -> None:
        if self._lock.held:
            self._pair.stop()
            self.state.report.unlink(missing_ok=True)
            self._lock.release()

    def _changed(self) -> None:
        """Leave a note for ``servers status``; it appears when the servers are ready."""
        servers = [(server.name, server.pid, 0) for server in (self._pair.postgres, self._pair.valkey)]
        commands = [(running.command.name, running.pid, running.restarts) for running in self.running]
        processes = [{"name": name, "pid": pid, "restarts": restarts} for name, pid, restarts in servers + commands]
        note = {"pid": os.getpid(), "started_at": self._started.isoformat(), "processes": processes}
        fresh = self.state.report.with_suffix(".new")
        fresh.write_text(json.dumps(note))
        fresh.replace(self.state.report)

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
