import os
import signal
import sys

import pytest

from servers import child
from servers.linux import parent_of

# A command whose grandchild left its session and process group, as daemons do; it prints both process ids.
FAMILY = """
import os, signal, subprocess, sys, time
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
grandchild = subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True, stdout=subprocess.PIPE)
grandchild.stdout.readline()
print(os.getpid(), grandchild.pid, flush=True)
time.sleep(60)
"""
LAUNCH = """
import subprocess, sys
from servers.command import in_front
subprocess.run(in_front([sys.executable, "-c", sys.argv[1]], grace=20.0))
"""


@pytest.fixture
def start(python):
    def start(*command, grace="20"):
        return python("-m", "servers.child", "--launcher", str(os.getpid()), "--grace", grace, "--", *command)

    return start


@pytest.mark.parametrize(
    ("code", "expected"),
    [("raise SystemExit(0)", 0), ("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)],
)
def test_the_exit_code_is_the_commands(start, code, expected):
    assert start(sys.executable, "-c", code).wait() == expected


def test_an_unknown_command_is_named(start):
    process = start("/no/such/command")

    assert process.wait() == child.NOT_FOUND
    assert process.stderr.read() == "Cannot run /no/such/command: No such file or directory.\n"


def test_a_missing_command_is_refused(capsys):
    with pytest.raises(SystemExit) as refusal:
        child.main(["--launcher", "1", "--"])

    assert refusal.value.code == 2
    assert "a command is missing" in capsys.readouterr().err


def test_nothing_runs_for_another_launcher(python, tmp_path):
    process = python("-m", "servers.child", "--launcher", "1", "--", "touch", str(tmp_path / "trace"))

    assert process.wait() == 1
    assert not (tmp_path / "trace").exists()


def test_a_request_to_stop_reaches_the_command(start):
    process = start("sh", "-c", "trap 'exit 5' TERM; echo on; while :; do sleep 0.05; done")
    process.stdout.readline()

    process.terminate()

    assert process.wait() == 5


def test_a_command_that_does_not_stop_is_killed_after_its_grace(start):
    process = start("sh", "-c", "trap '' TERM; echo on; while :; do sleep 0.05; done", grace="0.2")
    process.stdout.readline()

    process.terminate()

    assert process.wait() == 137


def test_nothing_of_a_stopped_command_is_left(start, gone):
    process = start(sys.executable, "-c", FAMILY)
    command, grandchild = map(int, process.stdout.readline().split())

    process.terminate()

    assert process.wait() == 128 + signal.SIGTERM
    gone(command, grandchild)


@pytest.mark.fault
def test_nothing_outlives_a_killed_launcher(python, gone):
    launcher = python("-c", LAUNCH, FAMILY)
    command, grandchild = map(int, launcher.stdout.readline().split())
    in_front = parent_of(command)

    launcher.kill()

    gone(launcher.pid, in_front, command, grandchild)


@pytest.mark.fault
def test_the_command_ends_with_the_process_in_front_of_it(start, gone):
    process = start("sh", "-c", "echo $$; exec sleep 60")
    command = int(process.stdout.readline())

    process.kill()

    gone(command)
