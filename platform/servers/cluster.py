"""Set a PostgreSQL cluster up: the data directory, the application's role and database, pgvector.

Everything happens in a staging directory that gets its final name as the last act, so a data directory is complete or
absent whenever the power goes out; a staging directory that is found was given up and is made anew.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg2 import sql

from servers import process
from servers.binaries import postgres_programs
from servers.errors import ServersError, UnusableState
from servers.report import Say, silence
from servers.state import State

if TYPE_CHECKING:
    from servers.postgres import Postgres

SUPERUSER = "postgres"
ROLE = "vitrine"
DATABASE = "vitrine"


def data_directory(state: State) -> Path:
    """Return where the cluster lies."""
    return state.home / "postgres" / "data"


def ensure(state: State, *, durable: bool = True, say: Say = silence) -> None:
    """Set the cluster up unless it is there.

    Raises:
        UnusableState: the data belongs to another major version of PostgreSQL.
        ServersError: ``initdb`` failed.
    """
    data = data_directory(state)
    if data.exists():
        _check_version(data, postgres_programs(state))
        return
    say("Setting up PostgreSQL (about five seconds)")
    staging = _empty(state.home / "postgres" / "staging", state)
    _initialise(state, staging, durable=durable)
    _populate(state, staging / "data", durable=durable, say=say)
    (staging / "data").replace(data)
    if durable:
        _sync(data.parent)
    shutil.rmtree(staging)


def _check_version(data: Path, programs: Path) -> None:
    answer = subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    program = answer.split()[-1].partition(".")[0]
    written = (data / "PG_VERSION").read_text().strip()
    if program != written:
        raise UnusableState(
            f"{data} was written by PostgreSQL {written}, the program is PostgreSQL {program}. Restore a dump into a "
            "fresh state directory."
        )


def _empty(staging: Path, state: State) -> Path:
    """Return a fresh staging directory that the servers' user owns."""
    if staging.exists():
        # A launcher that died while setting up may have left initdb and the servers it runs behind.
        for directory, program in ((staging, "initdb"), (staging, "postgres"), (staging / "data", "postgres")):
            process.end_leftovers(directory, program, first=signal.SIGQUIT)
        shutil.rmtree(staging)
    staging.mkdir(mode=0o700)
    return state.give(staging)


def _initialise(state: State, staging: Path, *, durable: bool) -> None:
    password = staging / "password"
    with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(state.secret("superuser"))
    state.give(password)
    # The builtin provider sorts by code point and knows Unicode's letters, independent of the C library's version.
    command = [str(postgres_programs(state) / "initdb"), "-D", str(staging / "data"), "--username", SUPERUSER]
    command += ["--auth=scram-sha-256", "--pwfile", str(password), "--encoding=UTF8", "--data-checksums"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"]
    command += [] if durable else ["--no-sync"]
    log = state.log("postgres")
    running = process.spawn(command, log=log, account=state.account, death_signal=signal.SIGKILL, directory=staging)
    try:
        code = running.wait()
    finally:
        process.stop(running)
    password.unlink()
    if code != 0:
        raise ServersError(f"initdb failed with exit code {code}. Its log is {log}.")


def _populate(state: State, data: Path, *, durable: bool, say: Say) -> None:
    """Create what only a superuser may: the extension in every future database, and the application's plain role."""
    from servers.postgres import Postgres

    server = Postgres(state, durable=durable, data=data)
    server.launch(say)
    try:
        _create_role_and_database(server, state.secret("application"))
    finally:
        server.stop()


def _create_role_and_database(server: "Postgres", password: str) -> None:
    # In template1, so that databases made later (those of test runs) have it too.
    template = server.connect("template1")
    with template.cursor() as cursor:
        cursor.execute("CREATE EXTENSION vector")
    template.close()
    connection = server.connect()
    role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION CREATEDB PASSWORD {}"
            ).format(role, sql.Literal(password))
        )
        cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
    connection.close()


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
