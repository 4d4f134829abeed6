import os
import signal
from pathlib import Path

import pytest

from servers.command import Command
from servers.errors import NotReady
from servers.linux import parent_of
from servers.lock import holder
from servers.report import silence
from servers.services import Services
from servers.state import open_state

SERVE = """
import sys
from pathlib import Path
from servers.command import Command
from servers.services import Services
from servers.state import open_state
root = Path(sys.argv[1])
with Services(open_state(root)) as services:
    services.spawn(Command("web", ["sh", "-c", f"echo $$ > {root}/pid; exec sleep 60"], ready=(root / "pid").exists))
    services.supervise(until=lambda: print("up", flush=True))
print("down", flush=True)
"""


def test_commands_run_against_servers_of_somebody_else(new_root, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/")
    state = open_state(new_root)
    found = new_root / "found"

    with Services(state, say=silence) as services:
        script = f"echo $DATABASE_URL $VITRINE_STATE > {found}.new; mv {found}.new {found}; exec sleep 60"
        services.spawn(Command("web", ["sh", "-c", script], ready=found.exists))
        in_front = services.running[0].pid
        assert in_front
        assert holder(state) is None

    assert found.read_text().split() == ["postgresql://elsewhere/", str(new_root)]
    assert parent_of(in_front) is None


def test_a_command_that_fails_stops_those_before_it(new_root):
    services = Services(open_state(new_root), say=silence)
    pids = []

    def start():
        with services:
            services.spawn(Command("web", ["sleep", "60"]))
            pids.append(services.running[0].pid)
            services.spawn(Command("worker", ["false"], ready=lambda: False))

    with pytest.raises(NotReady, match="worker ended"):
        start()

    assert [parent_of(pid) for pid in pids] == [None]
    assert services.running == []


@pytest.mark.fault
def test_a_signal_stops_the_commands(new_root, python, gone):
    launcher = python("-c", SERVE, str(new_root))
    assert launcher.stdout.readline() == "up\n"
    command = int(Path(new_root, "pid").read_text())

    os.kill(launcher.pid, signal.SIGTERM)

    output, errors = launcher.communicate()
    assert (launcher.returncode, errors) == (0, "")
    assert output.splitlines()[-2:] == ["Stopping", "down"]
    gone(command)
