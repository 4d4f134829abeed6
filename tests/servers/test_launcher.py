import os
import signal
import sys
import threading
from pathlib import Path

import psycopg2
import pytest

from servers import command as command_module
from servers import postgres, process, valkey
from servers.command import Command, Running, responds
from servers.errors import AlreadyRunning, NotReady, ServersError, StepFailed
from servers.launcher import Supervisor
from servers.linux import descendants, parent_of, processes_in
from servers.lock import holder
from servers.report import silence, wait_for
from servers.urls import database_url

# A launcher with a command that has a child; prints what it runs, then acknowledges rows until it is killed.
LAUNCHER = """
import os, sys
from pathlib import Path
from servers.command import Command
from servers.launcher import Supervisor
from servers.state import open_state
import psycopg2

def insert(connection=[]):
    if not connection:
        connection.append(psycopg2.connect(os.environ["DATABASE_URL"]))
        connection[0].autocommit = True
        connection[0].cursor().execute("CREATE TABLE number (value serial)")
    with connection[0].cursor() as cursor:
        cursor.execute("INSERT INTO number DEFAULT VALUES RETURNING value")
        print("acknowledged", cursor.fetchone()[0], flush=True)

with Supervisor(open_state(Path(sys.argv[1]))) as supervisor:
    script = f"sleep 60 & touch {sys.argv[1]}/started; sleep 60"
    supervisor.spawn(Command("worker", ["sh", "-c", script], ready=Path(sys.argv[1], "started").exists))
    os.environ.update(supervisor.environment)
    print("up", flush=True)
    supervisor.supervise(until=insert)
print("down", flush=True)
"""
SERVE = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/live" else 503)
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()
"""


@pytest.fixture
def supervisor(own_state):
    with Supervisor(own_state, durable=False, say=silence) as supervisor:
        yield supervisor


@pytest.mark.fault
def test_nothing_outlives_a_killed_launcher_and_no_acknowledged_row_is_lost(own_state, python, gone):
    launcher = python("-c", LAUNCHER, str(own_state.root))
    assert launcher.stdout.readline() == "up\n"
    family = descendants(launcher.pid)
    names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in family]
    assert {"postgres", "valkey-server", "sh", "sleep"} <= set(names)
    last = [launcher.stdout.readline() for _ in range(10)][-1]

    launcher.kill()

    gone(launcher.pid, *family)
    rest = launcher.stdout.read().splitlines()
    acknowledged = int((rest or [last])[-1].split()[1])
    assert holder(own_state) is None
    with Supervisor(own_state, say=silence):
        connection = psycopg2.connect(database_url(own_state))
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM number WHERE value <= %s", [acknowledged])
            assert cursor.fetchone() == (acknowledged,)
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(own_state, python, gone, number):
    launcher = python("-c", LAUNCHER, str(own_state.root))
    assert launcher.stdout.readline() == "up\n"
    assert launcher.stdout.readline() == "acknowledged 1\n"
    family = descendants(launcher.pid)

    launcher.send_signal(number)

    assert launcher.wait() == 0
    assert launcher.stdout.read().splitlines()[-2:] == ["Stopping", "down"]
    gone(*family)
    assert not own_state.report.exists()
    assert "database system is shut down" in own_state.log("postgres").read_text().splitlines()[-1]


def test_a_second_launcher_is_refused_and_the_first_goes_on(own_state, supervisor):
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()} already"), Supervisor(own_state):
        raise AssertionError

    assert postgres.answers(own_state)
    assert valkey.answers(own_state)
    assert own_state.report.exists()


def test_the_environment_names_the_servers_and_their_state(own_state, supervisor):
    found = supervisor.environment

    assert found["VITRINE_STATE"] == str(own_state.root)
    assert found["DATABASE_URL"] == database_url(own_state)
    assert found["PATH"] == os.environ["PATH"]


def test_leaving_stops_the_servers_and_frees_the_state_directory(own_state):
    handler = signal.getsignal(signal.SIGTERM)

    with Supervisor(own_state, durable=False, say=silence):
        assert postgres.answers(own_state)
        assert signal.getsignal(signal.SIGTERM) is not handler

    assert not postgres.answers(own_state)
    assert not valkey.answers(own_state)
    assert holder(own_state) is None
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_server_that_cannot_start_leaves_nothing_running(own_state):
    (own_state.home / "redis" / "data" / "appendonlydir").mkdir(parents=True)
    (own_state.home / "redis" / "data" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")

    with pytest.raises(NotReady, match="Valkey ended"), Supervisor(own_state, durable=False, say=silence):
        raise AssertionError

    assert processes_in(own_state.home / "postgres" / "data", "postgres") == []
    assert holder(own_state) is None


def test_a_step_that_fails_is_named(supervisor):
    supervisor.run("nothing", ["true"])

    with pytest.raises(StepFailed, match="step migrate failed with exit code 3"):
        supervisor.run("migrate", ["sh", "-c", "exit 3"])


def test_a_step_sees_the_servers(supervisor, tmp_path):
    supervisor.run("look", ["sh", "-c", f"echo $REDIS_URL > {tmp_path}/url"])

    assert (tmp_path / "url").read_text().strip() == supervisor.environment["REDIS_URL"]


def test_a_command_is_ready_when_its_address_answers(supervisor, tmp_path):
    port = tmp_path / "port"

    def ready():
        return port.exists() and port.read_text() != "" and responds(f"http://127.0.0.1:{port.read_text()}/live")()

    supervisor.spawn(Command("web", [sys.executable, "-c", SERVE, str(port)], ready=ready))

    assert not responds(f"http://127.0.0.1:{port.read_text()}/broken")()
    assert not responds("http://127.0.0.1:1/live")()


def test_a_command_that_does_not_become_ready_names_its_log(supervisor):
    with pytest.raises(NotReady, match=r"web ended instead of becoming ready.*web\.log"):
        supervisor.spawn(Command("web", ["sh", "-c", "echo broken; exit 1"], ready=lambda: False))

    assert supervisor.state.log("web").read_text() == "broken\n"


@pytest.mark.fault
def test_a_crashed_command_is_restarted(supervisor, tmp_path, monkeypatch):
    monkeypatch.setattr(command_module, "SHORTEST_PAUSE", 0.01)
    trace = tmp_path / "trace"
    supervisor.spawn(Command("worker", ["sh", "-c", f"echo $$ >> {trace}; exec sleep 60"], ready=trace.exists))
    process.send(int(trace.read_text()), signal.SIGKILL)

    supervisor.supervise(until=lambda: len(trace.read_text().split()) == 2)

    first, second = map(int, trace.read_text().split())
    assert parent_of(first) is None
    assert parent_of(second) is not None


@pytest.mark.fault
def test_crashed_servers_are_restarted(own_state, supervisor):
    crashed = processes_in(own_state.home / "postgres" / "data", "postgres")
    crashed += processes_in(own_state.home / "redis" / "data", "valkey-server")
    for pid in crashed:
        process.send(pid, signal.SIGKILL)
    wait_for("the end", lambda: not any(parent_of(pid) for pid in crashed), timeout=20.0)

    supervisor.tend()

    assert postgres.answers(own_state)
    assert valkey.answers(own_state)


def test_a_server_that_ends_again_and_again_is_given_up(own_state, supervisor, monkeypatch):
    monkeypatch.setattr("servers.launcher.SERVER_RESTARTS", 0)
    process.send(processes_in(own_state.home / "redis" / "data", "valkey-server")[0], signal.SIGKILL)

    with pytest.raises(NotReady, match=r"redis ends again and again.*redis\.log"):
        supervisor.supervise()


def test_pauses_double_up_to_half_a_minute(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("servers.command.time.monotonic", lambda: now[0])
    monkeypatch.setattr("servers.command.process.send", lambda pid, number: None)
    lines: list[str] = []
    running = Running(Command("worker", ["true"]), dict(os.environ), tmp_path / "log")

    running.start()
    for _ in range(8):
        assert running._process is not None
        running._process.wait()
        assert running.revive(lines.append)
        assert not running.revive(lines.append)
        now[0] += 30.0
        assert running.revive(lines.append)
    running.stop()

    assert [line.rpartition(" in ")[2] for line in lines] == [
        f"{pause} s" for pause in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0)
    ]
    assert running.restarts == 8


@pytest.mark.fault
def test_a_killed_process_in_front_takes_its_session_along(supervisor, tmp_path, gone):
    trace = tmp_path / "trace"
    script = f"sleep 60 & echo $! $PPID > {trace}.new; mv {trace}.new {trace}; wait"
    supervisor.spawn(Command("worker", ["sh", "-c", script], ready=trace.exists))
    grandchild, in_front = map(int, trace.read_text().split())

    process.send(in_front, signal.SIGKILL)
    wait_for("the end", lambda: parent_of(in_front) is None, timeout=20.0)
    supervisor.tend()

    gone(in_front, grandchild)


def test_another_thread_is_refused(own_state):
    found: list[str] = []

    def attempt():
        try:
            with Supervisor(own_state):
                raise AssertionError
        except ServersError as error:
            found.append(str(error))

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()

    assert found == ["Start the servers in the main thread: they end with the thread that started them."]
    assert holder(own_state) is None
