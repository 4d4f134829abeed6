import os
import sys
from pathlib import Path

import psycopg2
import pytest

from servers import testing
from servers.errors import AlreadyRunning
from servers.linux import descendants
from servers.lock import holder

RUN = """
import os, sys, time
from pathlib import Path
from servers import testing
testing.start(root=Path(sys.argv[1]), durable=False)
print(os.environ["DATABASE_URL"], flush=True)
time.sleep(60)
"""
TEST = """
import os, psycopg2
def test_servers():
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync')")
        print("found", *cursor.fetchone(), connection.info.host, os.environ["REDIS_URL"])
    connection.close()
"""


@pytest.fixture
def no_servers(monkeypatch):
    """An environment that names no servers, given back afterwards."""
    for name in testing.VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_runs_that_overlap_take_different_slots(new_root):
    first, first_lock = testing.claim(new_root)
    second, second_lock = testing.claim(new_root)
    first_lock.release()
    third, third_lock = testing.claim(new_root)

    assert [state.root.name for state in (first, second, third)] == ["test", "test-2", "test"]
    second_lock.release()
    third_lock.release()


def test_a_run_without_a_free_slot_is_refused(new_root, monkeypatch):
    monkeypatch.setattr(testing, "SLOTS", 1)
    _, lock = testing.claim(new_root)

    with pytest.raises(AlreadyRunning, match="1 test runs use servers below"):
        testing.claim(new_root)

    lock.release()


def test_servers_are_needed_when_none_is_named():
    assert testing.needs_servers({})
    assert not testing.needs_servers({"DATABASE_URL": "postgresql://", "REDIS_URL": "redis://"})


@pytest.mark.parametrize("name", testing.VARIABLES)
def test_half_an_environment_is_refused(name):
    with pytest.raises(pytest.UsageError, match=f"Only {name} is set"):
        testing.needs_servers({name: "x"})


def test_the_variables_hold_from_start_to_stop(slot, no_servers):
    stop = testing.start(root=slot.root.parent, durable=False)

    psycopg2.connect(os.environ["DATABASE_URL"]).close()
    assert os.environ["REDIS_URL"] == f"unix://{slot.sockets}/redis.sock?db=0"

    stop()
    assert not {*testing.VARIABLES} & {*os.environ}
    assert holder(slot) is None


def test_a_start_that_fails_frees_its_slot(slot, no_servers):
    (slot.home / "postgres" / "data" / "PG_VERSION").write_text("9\n")

    with pytest.raises(Exception, match="written by PostgreSQL 9"):
        testing.start(root=slot.root.parent)

    assert holder(slot) is None
    assert "DATABASE_URL" not in os.environ


@pytest.mark.parametrize(("options", "fsync"), [([], "on"), (["--servers-no-fsync"], "off")])
def test_a_run_gets_its_own_servers(slot, no_servers, python, monkeypatch, tmp_path, options, fsync):
    monkeypatch.setenv("VITRINE_STATE", str(slot.root.parent))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "test_it.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    plugins = ["-p", "servers.testing", "-p", "no:cacheprovider"]

    run = python("-m", "pytest", *plugins, "-q", "-s", *options, str(tmp_path), cwd=tmp_path)

    output, errors = run.communicate()
    assert f"found {fsync} {slot.sockets} unix://{slot.sockets}/redis.sock?db=0" in output, errors
    assert run.returncode == 0
    assert holder(slot) is None


@pytest.mark.fault
def test_a_killed_run_takes_its_servers_along(slot, no_servers, python, gone):
    run = python("-c", RUN, str(slot.root.parent))
    assert f"host={slot.sockets}" in run.stdout.readline()
    family = descendants(run.pid)
    assert len(family) > 2

    run.kill()

    gone(run.pid, *family)
    _, lock = testing.claim(slot.root.parent)
    assert Path(lock.path).parent == slot.root
    lock.release()


def test_loading_the_plugin_is_cheap(python):
    code = "import sys, servers.testing; print(*(name for name in ('django', 'redis', 'numpy') if name in sys.modules))"

    assert python("-W", "error", "-c", code).communicate() == ("\n", "")
    assert sys.modules["servers.testing"] is testing
