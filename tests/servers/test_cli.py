import os

import pytest
from django.core.management import call_command

from servers import cli, postgres
from servers.launcher import Supervisor
from servers.lock import holder
from servers.management.commands.servers import Command
from servers.report import silence


@pytest.fixture
def servers(own_state):
    """Run ``python -m servers`` in this process on a state directory of this test."""

    def run(*arguments: str) -> int:
        return cli.main(["--state", str(own_state.root), *arguments])

    yield run
    run("down")


def test_up_status_and_down_in_the_background(servers, own_state, capfd):
    assert servers("status") == cli.STOPPED

    assert servers("up", "--detach") == 0
    assert servers("status") == cli.RUNNING

    launcher = holder(own_state)
    report = capfd.readouterr().out.splitlines()[-3:]
    assert report[0] == f"launcher  {launcher}  ({own_state.root})"
    assert [line.split()[0] for line in report[1:]] == ["postgres", "redis"]
    assert all(line.endswith("running, restarts: 0") for line in report[1:])
    assert servers("down") == 0
    assert servers("status") == cli.STOPPED
    assert not postgres.answers(own_state)
    assert servers("down") == 0
    assert capfd.readouterr().out.splitlines()[-1] == "Nothing runs."


def test_starting_twice_in_the_background_is_one_start(servers, own_state):
    servers("up", "--detach")
    launcher = holder(own_state)

    assert servers("up", "--detach") == 0

    assert holder(own_state) == launcher


def test_a_launcher_in_the_foreground_is_refused_beside_another(servers, own_state, capfd):
    servers("up", "--detach")

    assert servers("up") == cli.FAILED

    assert f"process {holder(own_state)} already" in capfd.readouterr().err
    assert postgres.answers(own_state)


def test_a_start_that_fails_in_the_background_names_its_log(servers, own_state, capfd):
    (own_state.home / "postgres" / "data" / "PG_VERSION").write_text("9\n")

    assert servers("up", "--detach") == cli.FAILED

    assert "launcher.log" in capfd.readouterr().err
    assert "written by PostgreSQL 9" in own_state.log("launcher").read_text()


def test_exec_starts_the_servers_for_one_command(servers, own_state, tmp_path):
    script = f"echo $DATABASE_URL $VITRINE_STATE > {tmp_path}/found; exit 7"

    assert servers("exec", "--", "sh", "-c", script) == 7

    url, root = (tmp_path / "found").read_text().split()
    assert url.startswith("postgresql://vitrine:")
    assert root == str(own_state.root)
    assert servers("status") == cli.STOPPED


def test_exec_uses_running_servers_and_leaves_them(servers, own_state):
    with Supervisor(own_state, durable=False, say=silence):
        assert servers("exec", "sh", "-c", "test -n $REDIS_URL && exit 5") == 5

        assert postgres.answers(own_state)


def test_exec_without_a_command_is_refused(servers, capfd):
    assert servers("exec", "--") == cli.FAILED

    assert capfd.readouterr().err == "Say what to run: servers exec -- COMMAND.\n"


def test_the_management_command_is_the_same_door(own_state, capfd):
    with pytest.raises(SystemExit) as end:
        call_command(Command(), "--state", str(own_state.root), "status")

    assert end.value.code == cli.STOPPED
    assert capfd.readouterr().out == f"stopped  ({own_state.root})\n"


@pytest.mark.fault
def test_a_detached_launcher_survives_who_started_it(own_state, python, servers):
    starter = python("-m", "servers", "--state", str(own_state.root), "up", "--detach")
    starter.communicate()

    assert starter.returncode == 0
    assert holder(own_state) not in {None, starter.pid, os.getpid()}
    assert servers("status") == cli.RUNNING
