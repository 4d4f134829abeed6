"""A load generator for the bench: requests per second of one endpoint, over kept-open connections on loopback."""

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

CONNECTIONS = 6


class LoadFailed(RuntimeError):
    """The server answered something else than success."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to send."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None


def json_call(path: str, body: Mapping[str, Any], token: str) -> Call:
    """Return an authenticated POST of a JSON body."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return Call("POST", path, orjson.dumps(body), headers)


def drive(host: str, port: int, calls: list[Call]) -> tuple[float, list[bytes]]:
    """Send all calls over a few connections at once; return calls per second and the bodies, in the order of calls.

    Raises:
        LoadFailed: an answer was no success.
    """
    bodies: list[bytes] = [b""] * len(calls)
    failures: list[str] = []
    turns = iter(range(len(calls)))
    lock = threading.Lock()

    def take() -> int | None:
        with lock:
            return None if failures else next(turns, None)

    def work() -> None:
        connection = http.client.HTTPConnection(host, port, timeout=60)
        while (turn := take()) is not None:
            call = calls[turn]
            connection.request(call.method, call.path, call.body, dict(call.headers or {}))
            answer = connection.getresponse()
            bodies[turn] = answer.read()
            if answer.status >= 300:
                failures.append(f"{call.method} {call.path} answered {answer.status}: {bodies[turn][:300]!r}")
        connection.close()

    seconds = _timed(work)
    if failures:
        raise LoadFailed(failures[0])
    return len(calls) / seconds, bodies


def _timed(work: Callable[[], None]) -> float:
    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin
