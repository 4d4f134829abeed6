"""What a decision costs beside the bare call of its model: one recognised viewer, 200 eligible creatives, warm."""

import io
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from django.db import connection
from django.test import Client
from django.utils import timezone
from PIL import Image

import accounts.services
import catalog.services
import catalog.serving
import core.epochs
import registry.services
import registry.serving
import signage.services
import signage.serving
import subjects.services
from core.ids import public_id
from core.tenancy import operator_scope
from decisions.clock import local_time
from decisions.models import Choice, Decision, DecisionViewer
from decisions.services import context_of, decide
from decisions.wish import Wish
from identities.viewers import How, ViewerClaim, ViewerState, issue
from recsys.features import ITEM_WORDS, Behaviour, Viewer, encode
from recsys.serving.ranker import Ranker

CREATIVES, CAMPAIGNS, HISTORY = 200, 20, 50
ACTOR = "bench"
CATEGORIES = ("food", "drinks", "books", "music", "travel", "sports", "home")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured, in turns with the bare call.

    Attributes:
        milliseconds: median.
        ratio: times the bare call for the same rows.
        apart: times the bare call that computes once what the rows share.
        queries: sent to the database, None where there is none.
    """

    name: str
    milliseconds: float
    ratio: float
    apart: float
    queries: int | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """An operator made for the measurement."""

    operator_id: UUID
    player_id: UUID
    screen_id: UUID
    subject_id: UUID
    token: str
    viewer: str


def decision_ratio(model: Path, *, rounds: int = 100) -> list[Row]:
    """Measure the bare session call, the service and the whole request, one after the other in every round.

    The rows the session scores are those of the decision, encoded beforehand: once row by row, as a log has them, and
    once as a decision lays them out, with what all rows share computed once. Decisions are committed, as in service,
    and the operator made for them stays behind: measure in a database of its own, or in a transaction to roll back.

    Args:
        model: an ONNX file as training exports it.
        rounds: measurements of each.
    """
    stage = _stage(model)
    client = Client(headers={"Authorization": f"Bearer {stage.token}"}, SERVER_NAME="127.0.0.1")
    body = {"viewers": [stage.viewer], "audience": {"count": 1}}

    def service() -> None:
        with operator_scope(stage.operator_id):
            decide(
                operator_id=stage.operator_id, player_id=stage.player_id,
                wish=Wish(viewers=(stage.viewer,), people=1), at=timezone.now(),
            )  # fmt: skip

    def request() -> None:
        response = client.post("/v1/decisions", body, content_type="application/json")
        if response.status_code != 200:
            raise RuntimeError(f"the decision was refused: {response.text}")

    apart, rows = _bare(stage)
    ways: dict[str, Callable[[], object]] = {
        f"onnxruntime alone, {CREATIVES} rows": rows,
        f"onnxruntime alone, viewer apart from {CREATIVES} creatives": apart,
        "decide(), with its transaction": service,
        "POST /v1/decisions, whole request": request,
    }
    queries = [None, None, _queries(service), _queries(request)]
    medians = _interleaved(list(ways.values()), rounds, after=partial(_clear, stage.operator_id))
    return [
        Row(name, found, found / medians[0], found / medians[1], count)
        for name, found, count in zip(ways, medians, queries, strict=True)
    ]  # fmt: skip


def _bare(stage: Stage) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the model's session call for the decision, and for the same rows with everything in every row."""
    operator_id = stage.operator_id
    with operator_scope(operator_id):
        versions = core.epochs.versions(operator_id=operator_id)
        situation = signage.serving.situation(operator_id, stage.player_id, versions)
        catalogue = catalog.serving.snapshot(operator_id, versions)
        ranker = registry.serving.active_ranker(operator_id, versions)
    if not isinstance(ranker, Ranker):
        raise TypeError(f"the model was not loaded; {ranker.version} serves")
    context = context_of(situation, situation.scene(None), 1, local_time(timezone.now(), situation.timezone))
    history = tuple(Behaviour(offer.public_id, offer.category) for offer in catalogue.offers[:HISTORY])
    viewer = Viewer(public_id("sub", stage.subject_id), history)
    inputs = {node.name for node in ranker.session.get_inputs()}
    feeds = encode(context, [viewer], catalogue.candidates, 0, ranker.spec)
    apart = {name: ids for name, ids in feeds.items() if name in inputs}
    rows = {
        name: np.ascontiguousarray(ids.T if name in ITEM_WORDS else ids.repeat(len(catalogue), axis=0))
        for name, ids in apart.items()
    }
    outputs, session = [ranker.session.get_outputs()[0].name], ranker.session
    return lambda: session.run(outputs, apart), lambda: session.run(outputs, rows)


def _clear(operator_id: UUID) -> None:
    """Empty the log: a screen has one open lease and a viewer a few decisions a day, not hundreds."""
    with operator_scope(operator_id):
        for rows in (Choice, DecisionViewer, Decision):
            rows.objects.filter(operator_id=operator_id).delete()


def _interleaved(ways: list[Callable[[], object]], rounds: int, *, after: Callable[[], object]) -> list[float]:
    """Return the median milliseconds of each way, measured in turns so that a slow moment hits all alike.

    Args:
        after: called between the rounds, outside of the measurement.
    """
    times: list[list[float]] = [[] for _ in ways]
    for way in ways * 3:
        way()
    for _ in range(rounds):
        for way, taken in zip(ways, times, strict=True):
            begin = time.perf_counter()
            way()
            taken.append((time.perf_counter() - begin) * 1000)
        after()
    return [median(taken) for taken in times]


def _queries(way: Callable[[], object]) -> int:
    way()
    with _counted() as count:
        way()
    return len(count)


@contextmanager
def _counted() -> Any:
    statements: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield statements


def _stage(model: Path) -> Stage:
    at = timezone.now()
    operator = accounts.services.create_operator(name="Benchmark", slug=f"benchmark-{uuid4().hex[:12]}")
    with operator_scope(operator.id):
        version = registry.services.register(
            operator_id=operator.id, source=model, seed=0, code_version="bench", actor=ACTOR
        )
        registry.services.activate(operator_id=operator.id, version_id=version.id, actor=ACTOR)
        player = _player(operator.id, at)
        creatives = _creatives(operator.id, at)
        subject_id = _subject(operator.id, creatives, at)
        token = accounts.services.issue_device_token(operator_id=operator.id, device_id=player.id, name="bench")
    claim = ViewerClaim(
        operator.id, player.screen_id, subject_id, ViewerState.RECOGNISED, at + timedelta(hours=1), How.FACE
    )
    return Stage(operator.id, player.id, player.screen_id, subject_id, token, issue(claim))


def _player(operator_id: UUID, at: datetime) -> Any:
    shared: dict[str, Any] = {"operator_id": operator_id, "actor": ACTOR}
    venue = signage.services.add_venue(name="Bench", category="retail.grocery", timezone="Europe/Berlin", **shared)
    signage.services.add_scene(venue_id=venue.id, key="bench", name="Bench", policy="retail", slots=3, **shared)
    screen = signage.services.add_screen(venue_id=venue.id, name="Bench", **shared)
    pairing = signage.services.start_pairing(kind="signage", remote=str(operator_id), at=at)
    return signage.services.claim(code=pairing.code, screen_id=screen.id, at=at, **shared)


def _creatives(operator_id: UUID, at: datetime) -> list[Any]:
    """Add creatives, half of them paid for by campaigns whose budgets nothing here exhausts."""
    shared: dict[str, Any] = {"operator_id": operator_id, "actor": ACTOR}
    picture = io.BytesIO()
    Image.new("RGB", (16, 9), "teal").save(picture, "PNG")
    media = catalog.services.store_media(data=picture.getvalue(), content_type="image/png", **shared)
    advertiser = catalog.services.add_advertiser(name="Bench", **shared)
    campaigns = [
        catalog.services.add_campaign(
            advertiser_id=advertiser.id, name=f"Bench {number}", budget_micros=10**15, price_micros=20_000,
            starts_at=at - timedelta(days=1), ends_at=at + timedelta(days=1), cap_per_subject_per_day=1000,
            state="active", **shared,
        )
        for number in range(CAMPAIGNS)
    ]  # fmt: skip
    added = []
    for number in range(CREATIVES):
        creative = catalog.services.add_creative(
            title=f"Bench {number}", category=CATEGORIES[number % len(CATEGORIES)], duration_ms=8000,
            media_id=media.id, campaign_id=campaigns[number // 2 % CAMPAIGNS].id if number % 2 else None, **shared,
        )  # fmt: skip
        catalog.services.approve_creative(creative_id=creative.id, **shared)
        added.append(creative)
    return added


def _subject(operator_id: UUID, creatives: list[Any], at: datetime) -> UUID:
    notice = subjects.services.publish_notice(operator_id=operator_id, title="Bench", text="Nobody real.")
    subject = subjects.services.register(
        operator_id=operator_id, origin="simulated", notice=notice, purposes=["recognise", "personalise", "learn"],
        channel="bench", actor=ACTOR, method="simulated", at=at - timedelta(minutes=1),
    ).subject  # fmt: skip
    entries = [
        (subject.id, creative.public_id, creative.category, at - timedelta(hours=number + 1))
        for number, creative in enumerate(creatives[:HISTORY])
    ]
    subjects.services.remember(operator_id=operator_id, entries=entries)
    return subject.id
