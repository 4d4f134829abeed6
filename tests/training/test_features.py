"""What scenes deny reaches the training process, and fails the run by name."""

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from PIL import Image

import catalog.services
import registry.files
import registry.selectors
import signage.services
from accounts.models import Operator
from core.tenancy import operator_scope
from recsys.pictures.looks import Looks
from recsys.training.request import TrainingRequest
from registry.explainers import gradients_of
from signage import policies
from training import pipeline, process
from training.models import Run

Carry = Callable[[], Run]
ACTOR = "member:test"


@pytest.fixture
def scene(tenant: Operator) -> Callable[[str], None]:
    """Add a scene under a policy."""

    def add(policy: str) -> None:
        with operator_scope(tenant.id):
            shared: dict[str, Any] = {"operator_id": tenant.id, "actor": ACTOR}
            venue = signage.services.add_venue(
                name=policy, category="retail.grocery", timezone="Europe/Berlin", **shared
            )
            signage.services.add_scene(venue_id=venue.id, key=policy, name=policy, policy=policy, **shared)

    return add


def denying(monkeypatch: pytest.MonkeyPatch, *entries: str) -> None:
    """Let the policy of retail deny these features."""
    strict = dataclasses.replace(policies.RETAIL, denied_features=frozenset(entries))
    changed = MappingProxyType(dict(policies.POLICIES) | {"retail": strict})
    monkeypatch.setattr(policies, "POLICIES", changed)
    monkeypatch.setattr(pipeline, "POLICIES", changed)


def test_a_training_is_told_what_the_operators_scenes_deny(
    scene: Callable[[str], None], log: object, trainer: Any, request_and_run: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TrainingRequest] = []
    train = process.train

    def spy(request: Path, report: Path, **more: Any) -> dict[str, Any]:
        asked.append(TrainingRequest.read(request))
        return train(request, report, **more)

    monkeypatch.setattr(process, "train", spy)
    scene("retail")
    scene("finance")

    run = request_and_run()

    assert run.state == "succeeded"
    assert asked[0].denied == ("health", "origin", "wealth")


def test_a_feature_that_a_scene_denies_and_ranking_cannot_withhold_fails_the_run_by_name(
    tenant: Operator, scene: Callable[[str], None], log: object, request_and_run: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    denying(monkeypatch, "party")
    scene("retail")

    run = request_and_run()

    assert (run.state, run.reason_code) == ("failed", "forbidden_feature")
    assert "'party' is on the list of what a scene denies" in run.reason
    with operator_scope(tenant.id):
        assert registry.selectors.versions(operator_id=tenant.id) == []


def test_a_model_keeps_the_graph_that_explains_it(
    tenant: Operator, log: object, trainer: Any, request_and_run: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = process.train

    def with_gradients(request: Path, report: Path, **more: Any) -> dict[str, Any]:
        content = train(request, report, **more)
        graph = TrainingRequest.read(request).output / "graph.gradients.onnx"
        graph.write_bytes(b"gradients")
        return content | {"gradients": {"file": graph.name, "digest": registry.files.digest_of(graph)}}

    monkeypatch.setattr(process, "train", with_gradients)

    request_and_run()

    with operator_scope(tenant.id):
        [version] = registry.selectors.versions(operator_id=tenant.id)
    kept = registry.files.gradients_path(version.file_digest)
    assert kept.read_bytes() == b"gradients"
    assert gradients_of(version) == registry.files.digest_of(kept)
    registry.files.remove(version.file_digest)
    assert not kept.exists()


@pytest.fixture
def looked_at(tenant: Operator, settings: Any, tmp_path: Path) -> str:
    """A creative whose picture was described; returns its key."""
    settings.MEDIA_ROOT = tmp_path / "media"
    picture = io.BytesIO()
    Image.new("RGB", (16, 9), "teal").save(picture, "PNG")
    with operator_scope(tenant.id):
        shared: dict[str, Any] = {"operator_id": tenant.id, "actor": ACTOR}
        media = catalog.services.store_media(data=picture.getvalue(), content_type="image/png", **shared)
        added = catalog.services.add_creative(
            title="Tea", category="drinks", duration_ms=8000, media_id=media.id, **shared
        )  # fmt: skip
        catalog.services.look_at_media(operator_id=tenant.id)
    return added.public_id


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> list[Looks | None]:
    """What each training was given beside its log."""
    found: list[Looks | None] = []
    train = process.train

    def spy(request: Path, report: Path, **more: Any) -> dict[str, Any]:
        path = TrainingRequest.read(request).looks
        found.append(None if path is None else Looks.read(path))
        return train(request, report, **more)

    monkeypatch.setattr(process, "train", spy)
    return found


def test_a_training_is_given_what_the_creatives_look_like(
    looked_at: str, log: object, trainer: Any, brought: list[Looks | None], request_and_run: Carry
) -> None:
    run = request_and_run()

    assert run.state == "succeeded"
    [looks] = brought
    assert looks is not None
    assert (list(looks.vectors), looks.vision, looks.width) == ([looked_at], "descriptor-1-64", 64)


def test_a_training_is_given_no_pictures_where_there_are_none_or_a_scene_denies_them(
    log: object, trainer: Any, brought: list[Looks | None], request_and_run: Carry, request: pytest.FixtureRequest,
    scene: Callable[[str], None], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    request_and_run()
    request.getfixturevalue("looked_at")
    denying(monkeypatch, "creative_picture")
    scene("retail")

    run = request_and_run()

    assert run.state == "succeeded"
    assert brought == [None, None]
