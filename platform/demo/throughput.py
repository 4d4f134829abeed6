"""Requests per second of decisions and events against a trivial endpoint of the same server, in one run."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import orjson

from core.tenancy import operator_scope
from demo import catalogue, loop, stage
from demo.load import Call, drive, json_call
from demo.player import Player
from servers.processes import web
from servers.services import Services
from servers.state import open_state

REQUESTS = 400
ROUNDS = 3
PLAYS_PER_BATCH = 10
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Rate:
    """How often one endpoint answered.

    Attributes:
        per_second: requests, median over rounds.
        ratio: share of the trivial endpoint's rate.
    """

    name: str
    per_second: float
    ratio: float


def throughput(*, operator_id: UUID, port: int) -> list[Rate]:
    """Start the web server with two workers on this process's database and load it, endpoint by endpoint, in rounds.

    The load comes from the same machine and shares its cores, so only the ratios mean something.
    """
    address = ("127.0.0.1", port)
    with operator_scope(operator_id):
        stage.build_places(operator_id)
        stage.build_catalogue(operator_id)
    with Services(open_state(), say=lambda _: None) as services:
        services.spawn(web(*address, workers=WORKERS))
        url = f"http://{address[0]}:{port}"
        tokens = [
            loop.pair(operator_id=operator_id, screen_name=name, connect=lambda token: Player(url=url, token=token))
            for venue in catalogue.VENUES
            for name, _ in venue.screens
        ]
        rounds = list(_rounds(address, tokens))
    trivial, decisions, events = (median(found[index] for found in rounds) for index in range(3))
    return [
        Rate("GET /health/live (trivial)", trivial, 1.0),
        Rate("POST /v1/decisions, anonymous", decisions, decisions / trivial),
        Rate(f"POST /v1/events, {PLAYS_PER_BATCH} plays", events, events / trivial),
    ]


def _rounds(address: tuple[str, int], tokens: list[str]) -> Iterator[tuple[float, float, float]]:
    """Measure the three endpoints in turns, the screens taking turns as well."""
    wish = {"viewers": [], "audience": {"count": 0}}
    asked = [json_call("/v1/decisions", wish, tokens[turn % len(tokens)]) for turn in range(REQUESTS)]
    drive(*address, asked[:40])
    for _ in range(ROUNDS):
        trivial, _ = drive(*address, [Call("GET", "/health/live")] * REQUESTS)
        decisions, bodies = drive(*address, asked)
        shown = [orjson.loads(body) for body in bodies]
        batches = [_batches(shown[screen :: len(tokens)], token) for screen, token in enumerate(tokens)]
        events, _ = drive(*address, [call for turn in zip_longest(*batches) for call in turn if call is not None])
        yield trivial, decisions, events


def _batches(decisions: list[dict[str, Any]], token: str) -> Iterator[Call]:
    """Return the reports of one screen: what its decisions chose, played."""
    plays = [
        {"kind": "play", "event_id": str(uuid4()), "decision": decision["decision"], "position": item["position"],
         "started_at": _now(), "duration_ms": item["duration_ms"]}
        for decision in decisions
        for item in decision["slate"]
    ]  # fmt: skip
    for first in range(0, len(plays), PLAYS_PER_BATCH):
        batch = {"sent_at": _now(), "events": plays[first : first + PLAYS_PER_BATCH]}
        yield json_call("/v1/events", batch, token)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def point_children_at(database: str) -> None:
    """Let processes started from now on use another database of the same server."""
    head, mark, query = os.environ["DATABASE_URL"].partition("?")
    os.environ["DATABASE_URL"] = head.rpartition("/")[0] + f"/{database}" + mark + query
