"""An acknowledged event is never lost and never counted twice, whoever is killed in the middle."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import httpx
import pytest

from servers.linux import parent_of
from servers.report import wait_for

pytestmark = pytest.mark.fault

STREAMS = 4
BEFORE = 12
"""Batches that are acknowledged before somebody is killed."""

Play = Callable[[httpx.Client], dict[str, Any]]


@pytest.fixture
def streams(site: Any, play: Play) -> Any:
    """Let players report until somebody is killed and a little longer; return what was sent and what acknowledged."""

    def run(kill: Callable[[], None]) -> tuple[list[dict[str, Any]], set[str]]:
        sent: list[dict[str, Any]] = []
        acknowledged: set[str] = set()
        stop = Event()

        def report(_: int) -> None:
            with site.client() as client:
                while not stop.is_set():
                    try:
                        batch = play(client)
                        sent.append(batch)
                        answer = client.post("/v1/events", json=batch).raise_for_status().json()
                    except httpx.HTTPError:
                        continue
                    acknowledged.update(one["event_id"] for one in answer["results"] if one["status"] == "accepted")

        with ThreadPoolExecutor(STREAMS) as pool:
            running = [pool.submit(report, number) for number in range(STREAMS)]
            try:
                wait_for("some batches", lambda: len(acknowledged) >= 3 * BEFORE, timeout=60.0)
                kill()
            finally:
                stop.set()
        for stream in running:
            stream.result()
        return sent, acknowledged

    return run


def ids_of(batches: list[dict[str, Any]]) -> set[str]:
    return {event["event_id"] for batch in batches for event in batch["events"]}


def stored(site: Any) -> list[str]:
    tables = ("events_play", "events_engagement")
    return [str(row[0]) for row in site.rows(" UNION ALL ".join(f"SELECT event_id FROM {table}" for table in tables))]


def send_again(site: Any, batches: list[dict[str, Any]]) -> dict[str, str]:
    """Report everything once more, as players do that got no answer; return each event's status or why not."""
    with site.client() as client:
        answers = [client.post("/v1/events", json=batch).raise_for_status().json() for batch in batches]
    results = [one for answer in answers for one in answer["results"]]
    return {one["event_id"]: one.get("code", one["status"]) for one in results}


def assert_counted_once(site: Any, expected: set[str]) -> None:
    found = stored(site)
    assert len(found) == len(set(found))
    assert expected <= set(found)
    paid = int(site.rows(f"SELECT count(*) FROM events_play WHERE billed_micros = {site.names['price']}")[0][0])
    spent = site.rows("SELECT sum(plays), sum(micros) FROM catalog_spend")[0]
    assert paid > 0
    assert (int(spent[0]), int(spent[1])) == (paid, paid * int(site.names["price"]))


def test_a_killed_web_worker_loses_no_acknowledged_event(site: Any, streams: Any) -> None:
    before = site.workers()

    def kill() -> None:
        os.kill(before[0], signal.SIGKILL)
        wait_for("its end", lambda: parent_of(before[0]) is None, timeout=10.0)

    sent, acknowledged = streams(kill)

    assert acknowledged <= set(stored(site))
    site.until_ready()
    results = send_again(site, sent)
    assert {results[id] for id in acknowledged} == {"duplicate"}
    assert set(results.values()) <= {"accepted", "duplicate"}
    assert_counted_once(site, ids_of(sent))


def test_a_killed_web_worker_is_replaced_while_the_others_serve(site: Any) -> None:
    before = site.workers()

    os.kill(before[0], signal.SIGKILL)

    wait_for("a new worker", lambda: len(set(site.workers()) - set(before)) == 1, timeout=30.0)
    assert set(before[1:]) <= set(site.workers())
    site.until_ready()


def test_a_killed_postgresql_loses_no_acknowledged_event(site: Any, streams: Any) -> None:
    def kill() -> None:
        os.kill(site.pair.postgres.pid, signal.SIGKILL)
        wait_for("its end", lambda: site.pair.postgres.pid is None, timeout=10.0)

    sent, acknowledged = streams(kill)
    site.pair.postgres.start()
    site.until_ready()

    assert acknowledged <= set(stored(site))
    results = send_again(site, sent)
    assert {results[id] for id in acknowledged} == {"duplicate"}
    assert set(results.values()) <= {"accepted", "duplicate"}
    assert_counted_once(site, ids_of(sent))
