"""A site of its own - PostgreSQL, Valkey, web workers - that tests may break; nothing of the test run is touched."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import redis

from servers.command import Running
from servers.linux import descendants
from servers.pair import Pair
from servers.postgres import connect
from servers.processes import web
from servers.report import wait_for
from servers.state import State, open_state
from servers.urls import environment

HERE = Path(__file__).parent
MANAGE = HERE.parents[1] / "manage.py"
STAGE = "import django, runpy, sys; django.setup(); runpy.run_path(sys.argv[1], run_name='__main__')"
HOST = "127.0.0.1"
PATIENCE = 10.0
"""Seconds within which every request is answered, whatever is down: signage players give up then."""


@dataclass(frozen=True, slots=True)
class Site:
    """One installation in use."""

    state: State
    pair: Pair
    web: Running
    url: str
    names: dict[str, str]
    variables: dict[str, str]

    def client(self, credential: str = "device") -> httpx.Client:
        """Return a client with a credential of the site, or none."""
        headers = {"Authorization": f"Bearer {self.names[credential]}"} if credential else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE, trust_env=False)

    def workers(self) -> list[int]:
        """Return the process ids of the web workers."""
        assert self.web.pid is not None
        granian = descendants(self.web.pid)[0]
        return [pid for pid in descendants(granian) if b"resource_tracker" not in _command_line(pid)]

    def until_ready(self) -> None:
        """Wait until the site serves again."""

        def answers() -> bool:
            try:
                with self.client("") as client:
                    return client.get("/health/ready").json()["status"] == "ready"
            except httpx.TransportError:
                return False

        wait_for("the site", answers, timeout=60.0)

    def log(self, name: str) -> str:
        """Return what a process has written."""
        return self.state.log(name).read_text()

    def redis(self) -> redis.Redis:
        """Return a client of Valkey."""
        return redis.Redis.from_url(self.variables["REDIS_URL"], decode_responses=True)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database behind everybody's back."""
        connection = connect(self.state, "vitrine")
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b"resource_tracker"


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """The site; a test that breaks a part of it repairs that part."""
    root = Path(tempfile.mkdtemp(prefix="vf-", dir="/tmp"))
    root.chmod(0o755)
    state = open_state(root)
    pair = Pair(state)
    try:
        pair.start()
        variables = os.environ | environment(state) | {"VITRINE_STATE": str(root)}
        subprocess.run([sys.executable, MANAGE, "migrate", "--verbosity", "0"], env=variables, check=True)
        stage = [sys.executable, "-c", STAGE, HERE / "staging.py"]
        staged = subprocess.run(stage, env=variables, check=True, stdout=subprocess.PIPE)
        port = _free_port()
        running = Running(web(HOST, port), variables, state.log("web"))
        running.start()
        try:
            yield Site(state, pair, running, f"http://{HOST}:{port}", json.loads(staged.stdout), variables)
        finally:
            running.stop()
    finally:
        pair.stop()
        subprocess.run(["rm", "-rf", root], check=True)


@pytest.fixture
def player(site: Site) -> Iterator[httpx.Client]:
    """The site's player."""
    with site.client() as client:
        yield client


@pytest.fixture
def play() -> Callable[[httpx.Client], dict[str, Any]]:
    """Let a player ask for a decision and return the batch of events that its plays make."""

    def decide(client: httpx.Client) -> dict[str, Any]:
        decision = client.post("/v1/decisions", json={"audience": {"count": 1}}).raise_for_status().json()
        shared = {"decision": decision["decision"]}
        plays = [
            {"event_id": str(uuid4()), "kind": "play", "position": item["position"], "started_at": decision["at"],
             "duration_ms": 8000} | shared
            for item in decision["slate"]
        ]  # fmt: skip
        touch = {"event_id": str(uuid4()), "kind": "touch", "position": 0, "at": decision["at"]} | shared
        return {"sent_at": decision["at"], "events": [*plays, touch]}

    return decide


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
