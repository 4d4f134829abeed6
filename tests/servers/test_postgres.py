import os
import pwd
import signal
import subprocess
from pathlib import Path

import psycopg2
import pytest

from servers import cluster, process
from servers.errors import NotReady, UnusableState
from servers.linux import processes_in
from servers.postgres import Postgres, answers
from servers.report import wait_for
from servers.state import open_state
from servers.urls import database_url


@pytest.fixture
def session(running):
    connection = psycopg2.connect(database_url(running.postgres.state))
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()


def test_the_application_is_a_plain_role(session):
    session.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolreplication, rolcreatedb FROM pg_roles "
        "WHERE rolname = current_user"
    )

    assert session.fetchall() == [("vitrine", False, False, False, False, True)]


def test_row_level_security_binds_the_application(session):
    session.execute("CREATE TABLE secret AS SELECT 1 AS number")
    session.execute("ALTER TABLE secret ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")

    session.execute("SELECT number FROM secret")

    assert session.fetchall() == []
    session.execute("DROP TABLE secret")


def test_every_database_has_vectors(session, running):
    session.execute("SELECT '[1,2]'::vector <-> '[1,4]'::vector")
    assert session.fetchone() == (2.0,)
    session.execute("CREATE DATABASE another")

    other = psycopg2.connect(database_url(running.postgres.state).replace("/vitrine?", "/another?"))
    with other.cursor() as cursor:
        cursor.execute("SELECT extversion >= '0.8' FROM pg_extension WHERE extname = 'vector'")
        assert cursor.fetchone() == (True,)
    other.close()
    session.execute("DROP DATABASE another")


def test_a_wrong_password_is_refused(running):
    url = database_url(running.postgres.state).replace(running.postgres.state.secret("application"), "wrong")

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(url)


def test_it_listens_on_no_tcp_port(running, tcp_sockets):
    assert tcp_sockets(running.postgres.pid) == set()
    assert (running.postgres.state.sockets / ".s.PGSQL.5432").is_socket()


def test_it_never_runs_as_root(running):
    uid = Path(f"/proc/{running.postgres.pid}").stat().st_uid

    assert uid != 0
    assert uid == os.geteuid() or pwd.getpwuid(uid).pw_name in {"postgres", "nobody"}


def test_the_log_quotes_no_data(running, session):
    session.execute("CREATE TABLE people (name text UNIQUE)")
    session.execute("INSERT INTO people VALUES ('Ada-the-secret')")

    with pytest.raises(psycopg2.errors.UniqueViolation):
        session.execute("INSERT INTO people VALUES ('Ada-the-secret')")

    log = running.postgres.state.log("postgres").read_text()
    assert "duplicate key value" in log
    assert "Ada-the-secret" not in log
    session.execute("DROP TABLE people")


def test_a_durable_server_syncs(own_state):
    server = Postgres(own_state)
    server.start()

    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'data_checksums') ORDER BY name")
        assert cursor.fetchall() == [("data_checksums", "on"), ("fsync", "on")]

    connection.close()
    server.stop()
    assert not answers(own_state)


@pytest.mark.fault
def test_acknowledged_rows_survive_a_killed_server(own_state):
    server = Postgres(own_state)
    server.start()
    connection = psycopg2.connect(database_url(own_state))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE number (value int)")
        for value in range(200):
            cursor.execute("INSERT INTO number VALUES (%s)", [value])
    for pid in processes_in(server.data, "postgres"):
        process.send(pid, signal.SIGKILL)
    wait_for("the end", lambda: server.pid is None, timeout=20.0)
    connection.close()

    server.start()

    with psycopg2.connect(database_url(own_state)) as after, after.cursor() as cursor:
        cursor.execute("SELECT count(*), max(value) FROM number")
        assert cursor.fetchone() == (200, 199)
    after.close()
    server.stop()


@pytest.mark.fault
def test_a_lock_file_naming_a_stranger_is_no_obstacle(own_state):
    server = Postgres(own_state, durable=False)
    server.start()
    for pid in processes_in(server.data, "postgres"):
        process.send(pid, signal.SIGKILL)
    wait_for("the end", lambda: server.pid is None, timeout=20.0)
    stranger = subprocess.Popen(["sleep", "60"], **process.as_account(own_state.account))
    for path in (server.data / "postmaster.pid", own_state.sockets / ".s.PGSQL.5432.lock"):
        _, newline, rest = path.read_text().partition("\n")
        path.write_text(f"{stranger.pid}{newline}{rest}")

    server.start()

    assert answers(own_state)
    assert stranger.poll() is None
    server.stop()
    stranger.kill()
    stranger.wait()


@pytest.mark.fault
def test_a_server_left_behind_is_ended_first(own_state, gone):
    former = Postgres(own_state, durable=False)
    former.start()
    left_behind = former.pid

    latter = Postgres(own_state, durable=False)
    latter.start()

    assert latter.pid != left_behind
    assert former.pid is None
    assert answers(own_state)
    latter.stop()


def test_data_of_another_version_is_left_alone(own_state):
    version = cluster.data_directory(own_state) / "PG_VERSION"
    version.write_text("9\n")

    with pytest.raises(UnusableState, match="written by PostgreSQL 9, the program is PostgreSQL 18"):
        Postgres(own_state).start()

    assert version.read_text() == "9\n"
    assert processes_in(version.parent, "postgres") == []


def test_a_server_that_cannot_start_names_its_log(own_state):
    (cluster.data_directory(own_state) / "global" / "pg_control").unlink()
    server = Postgres(own_state, durable=False)

    with pytest.raises(NotReady, match=r"PostgreSQL ended instead of becoming ready.*postgres\.log"):
        server.start()

    assert server.pid is None


@pytest.mark.fault
def test_a_set_up_that_was_killed_is_done_again(new_root, python, gone):
    new_root.parent.chmod(0o755)
    state = open_state(new_root)
    staging = state.home / "postgres" / "staging"
    launcher = python("-m", "servers", "--state", str(new_root), "up")
    wait_for("initdb", lambda: (staging / "data" / "base" / "1").exists(), timeout=30.0)
    launcher.kill()
    launcher.wait()
    assert not cluster.data_directory(state).exists()

    server = Postgres(state, durable=False)
    server.start()

    assert not staging.exists()
    with psycopg2.connect(database_url(state)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user, extname FROM pg_extension WHERE extname = 'vector'")
        assert cursor.fetchone() == ("vitrine", "vector")
    connection.close()
    server.stop()
