"""Run PostgreSQL on a unix socket."""

import signal
import subprocess
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection

from servers import cluster, process
from servers.binaries import postgres_programs
from servers.errors import NotReady
from servers.linux import exists
from servers.lock import read_pid
from servers.report import Say, silence, wait_for
from servers.state import State

START_TIMEOUT = 300.0

SETTINGS = {
    # Reachable through the socket only, and only by the user the servers run as (and root).
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # Room for two web processes, workers and a person with psql on a machine of two cores and 4 GB.
    "max_connections": "64",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "512MB",
    "random_page_cost": "1.1",
    "huge_pages": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # The log must never hold personal data: no statements, no parameters, no details that quote rows.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_statement": "none",
}

# For test runs that may lose everything with the machine; a killed server still recovers.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One PostgreSQL server of a state directory.

    ``durable=False`` trades safety against a crash of the machine for speed: for tests alone.
    """

    name = "postgres"

    def __init__(self, state: State, *, durable: bool = True, data: Path | None = None) -> None:
        self.state = state
        self.data = data or cluster.data_directory(state)
        self.settings = SETTINGS if durable else SETTINGS | FORGETFUL
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, say: Say = silence) -> None:
        """Start the server and return when it answers; sets the cluster up first where there is none.

        Crash recovery is PostgreSQL's own; what a launcher that was killed left running is ended first.

        Raises:
            NotReady: it ended or stayed silent; the message names its log.
        """
        cluster.ensure(self.state, durable="fsync" not in self.settings, say=say)
        self.launch(say)

    def launch(self, say: Say = silence) -> None:
        """Start the server on its data directory as it is."""
        self._clear_the_way(say)
        log = self.state.log(self.name)
        command = [str(postgres_programs(self.state) / "postgres"), "-D", str(self.data), "-k", str(self.state.sockets)]
        command += [argument for key, value in self.settings.items() for argument in ("-c", f"{key}={value}")]
        # SIGINT is the fast shutdown: when the launcher dies, PostgreSQL disconnects everybody and ends cleanly.
        self._process = process.spawn(command, log=log, account=self.state.account, death_signal=signal.SIGINT)
        try:
            wait_for("PostgreSQL", self._answers, timeout=START_TIMEOUT, say=say)
        except NotReady as error:
            self.stop()
            raise NotReady(f"{error} Its log is {log}.") from error

    def stop(self) -> None:
        """Shut down: fast, then at once, then by force."""
        if self._process is not None:
            process.stop(self._process, (signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))

    def connect(self, database: str = "postgres") -> connection:
        """Connect as the superuser."""
        return connect(self.state, database)

    def _answers(self) -> bool:
        if self.pid is None:
            raise NotReady("PostgreSQL ended instead of becoming ready.")
        return answers(self.state)

    def _clear_the_way(self, say: Say) -> None:
        """End a former server and remove lock files whose process id now belongs to somebody else."""
        process.end_leftovers(self.data, "postgres", first=signal.SIGINT, say=say)
        lock = self.data / "postmaster.pid"
        recorded = read_pid(lock)
        if recorded is not None and exists(recorded):
            lock.unlink()
        for socket in self.state.sockets.glob(".s.PGSQL.*"):
            socket.unlink()


def connect(state: State, database: str = "postgres") -> connection:
    """Connect to the running server as its superuser."""
    opened = psycopg2.connect(
        host=str(state.sockets),
        dbname=database,
        user=cluster.SUPERUSER,
        password=state.secret("superuser"),
        connect_timeout=5,
    )
    opened.autocommit = True
    return opened


def answers(state: State) -> bool:
    """Tell whether the server accepts connections."""
    try:
        connect(state).close()
    except psycopg2.OperationalError:
        return False
    return True
