"""Servers of their own for the launcher's tests: none of them touches the pair of the test run."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers import binaries, cluster, state
from servers.linux import parent_of
from servers.pair import Pair
from servers.report import wait_for
from servers.state import State, open_state


@pytest.fixture(scope="session")
def reachable() -> Iterator[Path]:
    """A directory every user can enter; those of tmp_path are closed to the servers' user."""
    directory = Path(tempfile.mkdtemp(prefix="vs-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    subprocess.run(["rm", "-rf", directory], check=True)


@pytest.fixture
def new_root(reachable: Path) -> Path:
    """The path of a state directory that does not exist."""
    return Path(tempfile.mkdtemp(dir=reachable)) / "state"


@pytest.fixture(autouse=True)
def shared_homes(reachable: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the homes outside of state directories out of the machine's own."""
    monkeypatch.setattr(state, "SHARED_HOMES", reachable / "homes")
    return reachable / "homes"


@pytest.fixture(scope="session")
def set_up(reachable: Path) -> Path:
    """A state directory whose cluster is set up, to be copied."""
    root = reachable / "template"
    cluster.ensure(open_state(root), durable=False)
    binaries.valkey_program(open_state(root))
    return root


def copy(root: Path, target: Path) -> State:
    """Copy a state directory; the programs, which nothing writes to, are shared."""
    target.parent.chmod(0o755)
    for path in (target, target / "postgres", target / "redis"):
        path.mkdir(mode=0o755)
    for part in ("secrets", "postgres/data"):
        subprocess.run(["cp", "-a", root / part, target / part], check=True)
    for server in ("postgres", "redis"):
        (target / server / "binaries").symlink_to(root / server / "binaries")
    return open_state(target)


@pytest.fixture
def own_state(set_up: Path, new_root: Path) -> State:
    """A state directory of this test, its cluster set up, nothing running."""
    return copy(set_up, new_root)


@pytest.fixture
def slot(set_up: Path, new_root: Path) -> State:
    """The first slot for test runs below a state directory, its cluster set up."""
    new_root.parent.chmod(0o755)
    new_root.mkdir(mode=0o755)
    return copy(set_up, new_root / "test")


@pytest.fixture(scope="module")
def running(set_up: Path, reachable: Path) -> Iterator[Pair]:
    """A pair that a module's tests share and leave running."""
    with Pair(copy(set_up, Path(tempfile.mkdtemp(dir=reachable)) / "state"), durable=False) as pair:
        yield pair


@pytest.fixture
def python(reachable: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start Python with the given arguments; its standard output can be read. Killed at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **options: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def gone() -> Callable[..., None]:
    """Wait until none of the given process ids is alive; fail when one lives on."""

    def wait(*pids: int) -> None:
        assert all(pids)
        wait_for(f"the end of {pids}", lambda: not any(parent_of(pid) for pid in pids), timeout=20.0)

    return wait


@pytest.fixture
def tcp_sockets() -> Callable[[int], set[str]]:
    """Return the TCP sockets of a process."""

    def find(pid: int) -> set[str]:
        tables = [Path("/proc/net") / name for name in ("tcp", "tcp6")]
        lines = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
        inodes = {f"socket:[{fields[9]}]" for fields in lines}
        return inodes & {str(Path(entry.path).readlink()) for entry in os.scandir(f"/proc/{pid}/fd")}

    return find
