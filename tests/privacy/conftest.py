"""A subject of whom every store holds something; the face is a random vector, since nobody looks at it here."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

import signage.services
import subjects.services
import training.folders
import training.selectors
from accounts.models import Operator
from accounts.roles import Scope
from accounts.services import issue_api_key
from core.epochs import Topic, bump
from core.models import Reply
from core.sealing import seal
from decisions.models import Decision, DecisionViewer
from identities import faces, index
from identities.models import Template
from subjects.services import Notice, Subject
from training import people
from training.models import Dataset, Run


@pytest.fixture(autouse=True)
def private_state(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep keys, journals and datasets in a folder of the test, and the gallery index empty at its beginning."""
    settings.MEDIA_ROOT = tmp_path / "state" / "media"
    settings.DATASETS = tmp_path / "state" / "datasets"
    settings.RANKING_MODELS = tmp_path / "state" / "ranking"
    monkeypatch.setattr(index, "_index", index.Index())


@pytest.fixture
def at() -> datetime:
    """The moment at which everything of a test happens."""
    return timezone.now()


@pytest.fixture
def notice(operator: Operator) -> Notice:
    """The notice in force."""
    return subjects.services.publish_notice(operator_id=operator.id, title="Be known here", text="What we do.")


@pytest.fixture
def person(operator: Operator, notice: Notice, at: datetime) -> Callable[..., Subject]:
    """Register somebody with a template and a history."""
    random = np.random.default_rng(11)

    def call(**terms: Any) -> Subject:
        purposes = ["recognise", "personalise", "learn"]
        subject = subjects.services.register(
            operator_id=operator.id, origin="kiosk", notice=notice, purposes=purposes, channel="kiosk",
            actor="device:test", method="tick_box", at=at, **terms,
        ).subject  # fmt: skip
        vector = random.standard_normal(128)
        Template.objects.create(
            operator_id=operator.id, subject=subject, contract=faces.contract(operator.id).id,
            embedding=vector / np.linalg.norm(vector), quality={"score": 0.9},
        )  # fmt: skip
        bump(operator_id=operator.id, topic=Topic.GALLERY)
        subjects.services.remember(operator_id=operator.id, entries=[(subject.id, "crv_a", "sports", at)])
        return subject

    return call


@pytest.fixture
def decided(operator: Operator, at: datetime) -> Callable[[Subject], Decision]:
    """Make a decision that was personal for somebody."""
    venue = signage.services.add_venue(operator_id=operator.id, name="V", category="retail", timezone="UTC", actor="a")
    screen = signage.services.add_screen(operator_id=operator.id, venue_id=venue.id, name="S", actor="a")

    def call(subject: Subject) -> Decision:
        decision = Decision.objects.create(
            operator_id=operator.id, screen_id=screen.id, scene="lobby", policy="retail", at=at,
            lease_until=at + timedelta(seconds=30), basis="personal", purposes=["personalise"],
            audience={"count": 1, "recognised": 1, "anonymous": 0, "bystander": 0}, context={}, model="uniform",
        )  # fmt: skip
        DecisionViewer.objects.create(
            operator_id=operator.id, decision=decision, subject_id=subject.id, place=0, learn=True, at=at
        )
        return decision

    return call


@pytest.fixture
def trained(operator: Operator, at: datetime) -> Callable[[Subject], Run]:
    """Let a training be under way whose exported file names somebody."""

    def call(subject: Subject) -> Run:
        run = Run.objects.create(
            operator_id=operator.id, state="running", trigger="demand", requested_by="a", started_at=at,
            heartbeat_at=at,
        )  # fmt: skip
        Dataset.objects.create(
            operator_id=operator.id, run=run, sha256="0" * 64, rows=1, bytes=1, exported_at=at,
            people=people.pack([training.selectors.viewer_key(subject.id)]),
        )  # fmt: skip
        (training.folders.make(run.id) / "examples.parquet").write_text(f"a row about {subject.public_id}")
        return run

    return call


@pytest.fixture
def replied(operator: Operator) -> Callable[[str], Reply]:
    """Keep an idempotent reply with the given text."""

    def call(text: str) -> Reply:
        return Reply.objects.create(
            operator_id=operator.id, key=f"key-{text}"[:200], actor="a", digest=b"d", status=201,
            body=seal("reply", text.encode()),
        )  # fmt: skip

    return call


@pytest.fixture
def officer(operator: Operator, api: APIClient) -> APIClient:
    """An API client that may read and change subjects."""
    key = issue_api_key(operator_id=operator.id, name="privacy officer", scopes=[Scope.SUBJECTS])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return api
