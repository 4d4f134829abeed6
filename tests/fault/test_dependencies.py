"""What still works while PostgreSQL or Redis is down, and that everything works again by itself."""

import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from core.ids import parse_public_id
from servers import processes
from servers.command import Running
from servers.report import wait_for

pytestmark = pytest.mark.fault


@pytest.fixture
def without_postgres(site: Any) -> Any:
    """Stop PostgreSQL for the length of a test."""
    site.pair.postgres.stop()
    yield
    if site.pair.postgres.pid is None:
        site.pair.postgres.start()
    site.until_ready()


@pytest.fixture
def without_redis(site: Any) -> Any:
    """Stop Valkey for the length of a test."""
    site.pair.valkey.stop()
    yield
    site.pair.valkey.start()
    site.until_ready()


def calls(loyalty: str) -> dict[str, Callable[[httpx.Client], httpx.Response]]:
    return {
        "decisions": lambda client: client.post("/v1/decisions", json={}),
        "events": lambda client: client.post("/v1/events", json={"events": []}),
        "recognitions": lambda client: client.post("/v1/recognitions", json={"token": loyalty}),
        "manifest": lambda client: client.get("/v1/player/manifest"),
        "pairings": lambda client: client.post("/v1/players/pairings", json={}),
    }


def test_without_postgresql_the_api_answers_503_and_when_to_come_again(
    site: Any, player: httpx.Client, without_postgres: None
) -> None:
    for name, call in calls(site.names["loyalty"]).items():
        response = call(player)

        assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json"), name
        assert int(response.headers["retry-after"]) > 0
        assert response.json()["code"] == "unavailable"
        assert response.json()["request_id"] == response.headers["x-request-id"]


def test_without_postgresql_the_process_is_alive_and_not_ready(player: httpx.Client, without_postgres: None) -> None:
    live, ready = player.get("/health/live"), player.get("/health/ready")

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "5")
    assert ready.json() == {"status": "unavailable", "checks": {"database": False, "redis": True}}


def test_without_postgresql_only_pages_that_need_it_answer_503(site: Any, without_postgres: None) -> None:
    with site.client("") as browser:
        pages = [browser.get(path) for path in ("/sign-in", "/player/", "/static/css/tokens.css")]

    assert [page.status_code for page in pages] == [503, 200, 200]


def test_when_postgresql_is_back_the_same_processes_serve(site: Any, player: httpx.Client) -> None:
    def decide(_: int) -> int:
        with site.client() as client:
            return client.post("/v1/decisions", json={}).status_code

    def by_every_thread() -> list[int]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(decide, range(40)))

    assert by_every_thread() == [200] * 40  # now each holds a connection that is about to die
    workers = site.workers()
    site.pair.postgres.stop()
    try:
        assert player.post("/v1/decisions", json={}).status_code == 503
    finally:
        site.pair.postgres.start()

    assert by_every_thread() == [200] * 40
    assert site.workers() == workers


def test_events_refused_while_postgresql_was_down_count_once_when_sent_again(
    site: Any, player: httpx.Client, play: Callable[[httpx.Client], dict[str, Any]]
) -> None:
    batch = play(player)
    site.pair.postgres.stop()
    try:
        refused = player.post("/v1/events", json=batch)
    finally:
        site.pair.postgres.start()
        site.until_ready()

    answers = [player.post("/v1/events", json=batch).raise_for_status().json() for _ in range(2)]

    assert refused.status_code == 503
    assert [{result["status"] for result in answer["results"]} for answer in answers] == [{"accepted"}, {"duplicate"}]


def test_without_redis_screens_lose_nothing(
    site: Any, player: httpx.Client, play: Callable[[httpx.Client], dict[str, Any]], without_redis: None
) -> None:
    answers = {name: call(player).status_code for name, call in calls(site.names["loyalty"]).items()}
    results = player.post("/v1/events", json=play(player)).json()["results"]

    assert answers == {"decisions": 200, "events": 200, "recognitions": 200, "manifest": 200, "pairings": 201}
    assert {result["status"] for result in results} == {"accepted"}


def test_without_redis_the_process_is_ready_but_degraded(player: httpx.Client, without_redis: None) -> None:
    ready = player.get("/health/ready")

    assert ready.status_code == 200
    assert ready.json() == {"status": "degraded", "checks": {"database": True, "redis": False}}


def test_without_redis_a_training_asked_for_in_the_console_waits_in_the_database(
    site: Any, without_redis: None
) -> None:
    with site.client("") as browser, site.client("key") as integration:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get("/sign-in").text)
        assert token is not None
        form = {"username": site.names["email"], "password": site.names["password"], "csrfmiddlewaretoken": token[1]}
        signed_in = browser.post("/sign-in", data=form)

        asked = browser.post("/models/training", headers={"X-CSRFToken": browser.cookies["csrftoken"]})

        runs = integration.get("/v1/runs").json()["runs"]
    assert (signed_in.status_code, asked.status_code) == (302, 302)
    assert [(run["state"], run["trigger"]) for run in runs] == [("queued", "demand")]


def test_when_redis_is_back_the_same_worker_works(site: Any) -> None:
    with site.client("key") as integration:
        run_id = parse_public_id("run", integration.post("/v1/runs").raise_for_status().json()["id"])
    worker = Running(processes.worker(), site.variables, site.state.log("worker"))
    worker.start()
    try:
        wait_for("the worker", lambda: " ready." in site.log("worker"), timeout=60.0)
        first = worker.pid
        site.pair.valkey.stop()
        wait_for("it to notice", lambda: "Trying again in" in site.log("worker"), timeout=30.0)
        site.pair.valkey.start()
        with site.redis() as broker:
            broker.delete("training")

            send = [sys.executable, "-m", "celery", "-A", "config", "call", "training.sweep", "--queue", "default"]
            subprocess.run(send, env=site.variables, check=True, stdout=subprocess.DEVNULL)

            wait_for("the sweep to send for the run", lambda: bool(broker.llen("training")), timeout=60.0)
            assert str(run_id) in broker.lrange("training", 0, -1)[0]
        assert worker.pid == first
    finally:
        worker.stop()
