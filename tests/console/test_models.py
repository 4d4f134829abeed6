"""Models and runs in the console."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import onnx
import pytest
from django.test import Client
from django.utils import timezone
from onnx import TensorProto, helper

import registry.selectors
import registry.services
import training.alerting
import training.selectors
import training.services
from accounts.models import Operator
from recsys.features import DEFAULT_SPEC
from recsys.serving.metadata import SPLIT, Calibration, ModelMetadata
from registry.files import path_of
from registry.models import ModelVersion
from training.drift.findings import Finding

Train = Callable[..., Any]


def constant_model(probability: float) -> bytes:
    """Return a model that gives every row the same probability."""
    nodes = [
        helper.make_node("Add", ["creative", "hour"], ["pairs"]),
        helper.make_node("Cast", ["pairs"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "probability"], ["scores"]),
    ]
    constants = {"zero": 0.0, "probability": probability}
    graph = helper.make_graph(
        nodes,
        "constant",
        [
            helper.make_tensor_value_info("creative", TensorProto.INT32, ["groups", "candidates"]),
            helper.make_tensor_value_info("hour", TensorProto.INT32, ["viewers", 1]),
        ],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["viewers", "candidates"])],
        [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    trained_at = datetime(2026, 11, 22, 2, 30, tzinfo=UTC).isoformat()
    about = ModelMetadata("deepfm", DEFAULT_SPEC.digest, sha256(b"data").hexdigest(), trained_at, Calibration(), SPLIT)
    helper.set_model_props(model, about.properties())
    content: bytes = model.SerializeToString()
    onnx.checker.check_model(content)
    return content


@pytest.fixture
def trained(operator: Operator, tmp_path: Path) -> Train:
    """Register a version, as a training would."""

    def train(probability: float, *, log_loss: float = 0.6, verdict: str = "") -> Any:
        path = tmp_path / f"{probability}.onnx"
        path.write_bytes(constant_model(probability))
        metrics = {"test": {"auc": 0.71, "log_loss": log_loss, "ece": 0.012, "gauc": None, "ndcg": 0.5}}
        return registry.services.register(
            operator_id=operator.id, source=path, seed=1, code_version="test", actor="system:test", metrics=metrics,
            verdict=verdict,
        )  # fmt: skip

    return train


def active(operator: Operator) -> Any:
    """Return the id of the version that serves."""
    found = registry.selectors.active_version(operator_id=operator.id)
    return found.version_id if found else None


def test_versions_are_listed_with_their_figures_and_verdicts(owner: Client, trained: Train) -> None:
    trained(0.2, log_loss=0.6543, verdict="Its log loss is worse than the champion's.")

    page = owner.get("/models").content.decode()

    assert "0.6543" in page
    assert "0.7100" in page
    assert "Its log loss is worse than the champion&#x27;s." in page


def test_the_chart_needs_two_versions(owner: Client, trained: Train) -> None:
    trained(0.2)
    alone = owner.get("/models").content.decode()
    trained(0.3)

    assert "Shows once two versions have been trained." in alone
    assert 'id="quality-option"' in owner.get("/models").content.decode()


def test_a_version_is_activated_and_rolled_back(
    owner: Client, operator: Operator, trained: Train, actions: Callable[[], list[str]]
) -> None:
    first, second = trained(0.2), trained(0.3)

    owner.post(f"/models/{first.public_id}/activation")
    owner.post(f"/models/{second.public_id}/activation")
    serving = active(operator)
    page = owner.post("/models/rollback", follow=True).content.decode()

    assert serving == second.id
    assert active(operator) == first.id
    assert actions()[-3:] == ["model.activated", "model.activated", "model.rolled_back"]
    assert f"Rolled back: {first.public_id} serves again." in page


def test_a_version_whose_file_is_gone_is_not_activated(
    owner: Client, operator: Operator, trained: Train, actions: Callable[[], list[str]]
) -> None:
    version = trained(0.2)
    path_of(version.file_digest).unlink()
    before = actions()

    page = owner.post(f"/models/{version.public_id}/activation", follow=True).content.decode()

    assert "is not where it belongs" in page
    assert active(operator) is None
    assert actions() == before


def test_rolling_back_without_a_former_version_is_explained(owner: Client, operator: Operator) -> None:
    page = owner.post("/models/rollback", follow=True).content.decode()

    assert "No model served before this one" in page
    assert active(operator) is None


def test_training_is_asked_for_once_while_it_waits(
    owner: Client, operator: Operator, actions: Callable[[], list[str]]
) -> None:
    for _ in range(2):
        page = owner.post("/models/training", follow=True).content.decode()

    assert len(training.selectors.runs(operator_id=operator.id)) == 1
    assert actions().count("run.requested") == 1
    assert "waits for the trainer" in page
    assert 'hx-trigger="every 2s"' in page


def test_a_run_under_way_shows_its_progress_and_a_failed_one_its_reason(owner: Client, operator: Operator) -> None:
    run = training.services.request_run(operator_id=operator.id, trigger="demand", actor="system:test")
    training.services.begin(operator_id=operator.id, run_id=run.id, at=timezone.now())
    training.services.beat(
        operator_id=operator.id, run_id=run.id,
        progress={"stage": "train", "done": 3, "of": 8, "message": "training epoch 3"},
    )  # fmt: skip
    under_way = owner.get("/models/runs").content.decode()
    training.services.fail(
        operator_id=operator.id, run_id=run.id, code="too_few_rows", reason="Only 12 rows.", at=timezone.now()
    )  # fmt: skip

    assert "training epoch 3" in under_way
    assert 'value="3" max="8"' in under_way
    failed = owner.get("/models/runs").content.decode()
    assert "too few rows" in failed
    assert "Only 12 rows." in failed
    assert 'hx-trigger="every 10s"' in failed


def test_the_page_costs_the_same_queries_however_many_versions(
    owner: Client, trained: Train, queries: Callable[[Client, str], int]
) -> None:
    trained(0.2)
    before = queries(owner, "/models")
    for number in range(3, 6):
        trained(number / 10)

    assert queries(owner, "/models") == before
    assert before <= 17


def test_a_version_is_tried_watched_and_stopped(
    owner: Client, operator: Operator, trained: Train, actions: Callable[[], list[str]]
) -> None:
    first, second = trained(0.2), trained(0.3)
    owner.post(f"/models/{first.public_id}/activation")

    shown = owner.post(f"/models/{second.public_id}/shadow", follow=True).content.decode()
    owner.post(f"/models/{second.public_id}/canary")
    tried = owner.get("/models").content.decode()
    stopped = owner.post(f"/models/{second.public_id}/retirement", follow=True).content.decode()

    assert "25.0 % of decisions" in shown
    assert "Try on screens" in shown
    assert "10.0 % of screens" in tried
    assert "Canary: stopped. Stopped by a member." in stopped
    assert actions()[-3:] == ["model.shadow", "model.canary", "model.retired"]
    assert active(operator) == first.id


def test_an_illegal_move_is_explained_and_changes_nothing(
    owner: Client, trained: Train, actions: Callable[[], list[str]]
) -> None:
    version = trained(0.2)
    before = actions()

    page = owner.post(f"/models/{version.public_id}/canary", follow=True).content.decode()

    assert "Nothing serves yet that it could be compared with" in page
    assert actions() == before


def test_gates_and_alerts_are_told_in_sentences(owner: Client, operator: Operator, trained: Train) -> None:
    version = trained(0.2)
    gate = {"name": "AUC", "passes": False, "judged": True, "sentence": "Its AUC is worse by 0.0300."}
    ModelVersion.objects.filter(id=version.id).update(gates=[gate, gate | {"passes": True, "sentence": "Fine."}])
    finding = Finding("missing", "venue_category", "major", 0.4, 0.2, "venue_category is empty in 40% of plays.")
    training.alerting.settle(operator_id=operator.id, version_id=version.id, findings=[finding], at=timezone.now())

    page = owner.get("/models").content.decode()

    assert 'Gates: 2, <span class="text-red">1 not passed</span>' in page
    assert "Its AUC is worse by 0.0300." in page
    assert "Missing feature: venue category" in page
    assert "venue_category is empty in 40% of plays." in page


def test_the_terms_are_changed_on_the_page(owner: Client, operator: Operator) -> None:
    terms = {
        "route": "canary", "canary_percent": "20", "canary_hours": "48", "shadow_percent": "50", "shadow_hours": "24",
        "trial_decisions": "1000", "automatic": "on",
    }  # fmt: skip

    page = owner.post("/models/policy", terms, follow=True).content.decode()
    refused = owner.post("/models/policy", terms | {"canary_percent": "0"}, follow=True).content.decode()

    policy = registry.selectors.policy(operator_id=operator.id)
    assert (policy.route, policy.canary_share, policy.canary_hours, policy.automatic) == ("canary", 0.2, 48, True)
    assert "goes to some screens first; what passes there for long enough is promoted by itself" in page
    assert "greater than or equal to 0.1" in refused
