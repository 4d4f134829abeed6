"""A signage player in a few lines: the calls that a real one makes, and how long each took."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx


class Refused(Exception):
    """The API answered with problem details."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{problem.get('status')} {problem.get('code')}: {problem.get('detail')}")
        self.problem = dict(problem)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call returned, and the milliseconds it took on our side and inside the server."""

    body: dict[str, Any]
    elapsed_ms: float
    server_ms: float


class Player:
    """Speaks the public API as one player; ``token`` is its device token (or an API key), empty before pairing."""

    def __init__(self, *, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=30, transport=transport, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def recognise_frame(self, frame: bytes) -> Answer:
        """Send one camera frame (JPEG)."""
        return self._send("POST", "/v1/recognitions", files={"frame": ("frame.jpg", frame, "image/jpeg")})

    def recognise_code(self, code: str) -> Answer:
        """Send the code of a QR card, the route without biometrics."""
        return self._send("POST", "/v1/recognitions", json={"token": code})

    def decide(self, viewers: Sequence[str], *, count: int, scene: str | None = None) -> Answer:
        """Ask what to show to whoever stands there."""
        body: dict[str, Any] = {"viewers": list(viewers), "audience": {"count": count}}
        return self._send("POST", "/v1/decisions", json=body | ({"scene": scene} if scene else {}))

    def report(self, events: Sequence[Mapping[str, Any]]) -> Answer:
        """Report plays and engagements."""
        return self._send("POST", "/v1/events", json={"sent_at": stamp(), "events": list(events)})

    def call(self, method: str, path: str, **content: Any) -> Answer:
        """Make any other call."""
        return self._send(method, path, **content)

    def _send(self, method: str, path: str, **content: Any) -> Answer:
        begin = time.perf_counter()
        response = self._client.request(method, path, **content)
        elapsed = (time.perf_counter() - begin) * 1000
        if response.is_error:
            raise Refused(_problem(response))
        inside = response.headers.get("Server-Timing", "").partition("app;dur=")[2].partition(",")[0]
        return Answer(response.json(), elapsed, float(inside or "nan"))


def play_of(decision: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event that says one item of a slate was on screen for its whole duration."""
    return {
        "kind": "play",
        "event_id": str(uuid4()),
        "decision": decision["decision"],
        "position": item["position"],
        "started_at": stamp(),
        "duration_ms": item["duration_ms"],
    }


def engagement_of(decision: Mapping[str, Any], item: Mapping[str, Any], *, kind: str, value: float) -> dict[str, Any]:
    """Return the event that says somebody engaged with one item of a slate."""
    return {
        "kind": kind,
        "event_id": str(uuid4()),
        "decision": decision["decision"],
        "position": item["position"],
        "value": value,
        "at": stamp(),
    }


def stamp() -> str:
    """Return the time now as the API reads it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {"status": response.status_code, "detail": response.text[:200]}
