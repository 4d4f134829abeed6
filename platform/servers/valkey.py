"""Run Valkey, which speaks Redis's protocol, on a unix socket."""

import signal
import socket
import subprocess
from pathlib import Path

from servers import process
from servers.binaries import valkey_program
from servers.errors import NotReady
from servers.report import Say, silence, wait_for
from servers.state import State

START_TIMEOUT = 120.0
SOCKET = "redis.sock"

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    # Written to the kernel before a reply goes out, to the disk every second.
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    # A broker must refuse work rather than forget some.
    "maxmemory-policy": "noeviction",
    # A crash report would quote what clients sent.
    "crash-log-enabled": "no",
    "hide-user-data-from-log": "yes",
    "daemonize": "no",
    "logfile": "",
}


class Valkey:
    """One Valkey server of a state directory."""

    name = "redis"

    def __init__(self, state: State) -> None:
        self.state = state
        self.data = state.home / "redis" / "data"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, say: Say = silence) -> None:
        """Start the server and return when it answers.

        Raises:
            NotReady: it ended or stayed silent; the message names its log.
        """
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.state.give(self.data)
        process.end_leftovers(self.data, "valkey-server", first=signal.SIGTERM, say=say)
        path = socket_path(self.state)
        path.unlink(missing_ok=True)
        log = self.state.log(self.name)
        command = [str(valkey_program(self.state)), "--dir", str(self.data), "--unixsocket", str(path)]
        command += [argument for key, value in SETTINGS.items() for argument in (f"--{key}", value)]
        self._process = process.spawn(command, log=log, account=self.state.account, death_signal=signal.SIGTERM)
        try:
            wait_for("Valkey", self._answers, timeout=START_TIMEOUT, say=say)
        except NotReady as error:
            self.stop()
            raise NotReady(f"{error} Its log is {log}.") from error

    def stop(self) -> None:
        """Shut down in order, then by force."""
        if self._process is not None:
            process.stop(self._process, (signal.SIGTERM, 30.0))

    def _answers(self) -> bool:
        if self.pid is None:
            raise NotReady("Valkey ended instead of becoming ready.")
        return answers(self.state)


def socket_path(state: State) -> Path:
    """Return where Valkey listens."""
    return state.sockets / SOCKET


def answers(state: State) -> bool:
    """Tell whether the server answers a PING (it refuses while it loads its data)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5.0)
        try:
            client.connect(str(socket_path(state)))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False
