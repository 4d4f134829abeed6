"""The state directory: where servers keep data, sockets, logs and secrets.

``VITRINE_STATE`` names it; by default it is ``.vitrine`` in the checkout. Below it lie::

    launcher.lock  launcher.json          who runs the servers, and what runs
    log/                                  one file per process
    postgres/{binaries,data}, redis/{binaries,data}, secrets/, run/ (sockets)

The last line is the *home*, and it moves in one case: run as root, the servers drop to an unprivileged user, who may be
unable to pass through the directories above (a checkout below a home of mode 0700). The home is then
``/var/lib/vitrine/<digest>``, a digest of the state directory's path and of a random ``identity`` file in it: whoever
deletes the state directory starts afresh. Sockets move in one more case: the kernel allows their paths 107 bytes, so
those of a deep home lie in ``vitrine-<digest>`` of the system's temporary directory.
"""

import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from servers.account import Account, can_reach, give, server_account
from servers.errors import UnusableState

SOCKET_PATH_LIMIT = 107
LONGEST_SOCKET = ".s.PGSQL.5432.lock"
SHARED_HOMES = Path("/var/lib/vitrine")
LOG_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class State:
    """One set of servers: where its files are and whom the servers run as (None: the launcher's own user)."""

    root: Path
    home: Path
    sockets: Path
    account: Account | None

    @property
    def lock(self) -> Path:
        """The file whose lock the running launcher holds; contains its process id."""
        return self.root / "launcher.lock"

    @property
    def report(self) -> Path:
        """JSON about the processes the launcher runs."""
        return self.root / "launcher.json"

    def log(self, name: str) -> Path:
        """Return the log file of a process; an overgrown one makes room first."""
        path = self.root / "log" / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        path.touch(mode=0o600)
        return path

    def secret(self, name: str) -> str:
        """Return a password kept in a file of mode 0600, made up at its first use."""
        path = self.home / "secrets" / name
        if not path.exists():
            fresh = path.with_suffix(".new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(secrets.token_hex(24))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        return path.read_text()

    def give(self, path: Path) -> Path:
        """Make the servers' user the owner of a path."""
        give(path, self.account)
        return path


def default_root() -> Path:
    """Return ``VITRINE_STATE``, else ``.vitrine`` in the checkout of this package, else in the working directory."""
    if named := os.environ.get("VITRINE_STATE"):
        return Path(named).expanduser().absolute()
    checkout = Path(__file__).resolve().parents[2]
    base = checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()
    return base / ".vitrine"


def open_state(root: Path | None = None) -> State:
    """Find or make the directories of a state directory.

    Raises:
        UnusableState: a directory belongs to somebody else or cannot be made.
    """
    root = (root or default_root()).absolute()
    account = server_account()
    try:
        _directory(root, 0o755)
        home = root if can_reach(account, root) else _shared_home(root)
        for name in ("postgres", "redis"):
            _directory(home / name, 0o755)
        _directory(home / "secrets", 0o700)
        _directory(root / "log", 0o700)
        sockets = home / "run"
        if len(os.fsencode(sockets / LONGEST_SOCKET)) > SOCKET_PATH_LIMIT:
            sockets = _short_directory() / f"vitrine-{_digest(root)}"
        _private_directory(sockets, account)
    except PermissionError as error:
        raise UnusableState(
            f"Cannot use the state directory {root}: {error}. Set VITRINE_STATE to a directory of your own."
        ) from error
    return State(root=root, home=home, sockets=sockets, account=account)


def _directory(path: Path, mode: int) -> None:
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)


def _private_directory(path: Path, account: Account | None) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {
        os.geteuid(),
        account.uid if account else os.geteuid(),
    }:
        raise UnusableState(f"{path} should be a directory of ours but belongs to somebody else. Remove it.")
    path.chmod(0o700)
    give(path, account)


def _short_directory() -> Path:
    preferred = Path(tempfile.gettempdir()).resolve()
    longest = preferred / f"vitrine-{'0' * 16}" / LONGEST_SOCKET
    reachable = can_reach(server_account(), preferred)
    return preferred if reachable and len(os.fsencode(longest)) <= SOCKET_PATH_LIMIT else Path("/tmp")  # noqa: S108 checked to be ours


def _digest(root: Path) -> str:
    identity = root / "identity"
    if not identity.exists():
        identity.write_text(secrets.token_hex(16))
    return hashlib.sha256(f"{root.resolve()}\n{identity.read_text()}".encode()).hexdigest()[:16]


def _shared_home(root: Path) -> Path:
    """Return the home outside of a state directory, and remove homes of its predecessors of the same path."""
    home = SHARED_HOMES / _digest(root)
    if not (home / "state").exists():
        for other in SHARED_HOMES.glob("*/state"):
            if other.read_text() == str(root.resolve()):
                shutil.rmtree(other.parent)
        _directory(SHARED_HOMES, 0o755)
        _directory(home, 0o755)
        (home / "state").write_text(str(root.resolve()))
    return home
