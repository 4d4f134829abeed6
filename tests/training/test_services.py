import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from celery import current_app
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

import registry.errors
import registry.selectors
import registry.services
import subjects.selectors
from accounts.models import Operator
from audit.selectors import latest
from core.ids import new_id, public_id
from core.tenancy import operator_scope
from registry.models import ModelVersion
from training import folders, people, selectors, services, tasks, workers
from training.errors import RunTakenAway, UnknownRun
from training.models import Dataset, Run

Sent = list[tuple[str, tuple[str, ...]]]
AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def ask(operator: Operator) -> Run:
    return services.request_run(operator_id=operator.id, trigger="demand", actor="member:one")


def states(operator: Operator) -> list[str]:
    return list(Run.objects.filter(operator_id=operator.id).order_by("id").values_list("state", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_request_queues_a_run_and_sends_for_a_worker(tenant: Operator, sent: Sent) -> None:
    with operator_scope(tenant.id):
        run = ask(tenant)
        assert sent == []  # not before the commit

    assert (run.state, run.trigger, run.requested_by) == ("queued", "demand", "member:one")
    assert sent == [("training.retrain", (str(run.id),))]
    with operator_scope(tenant.id):
        assert latest(operator_id=tenant.id, limit=1)[0].action == "run.requested"


def test_a_request_while_one_waits_is_that_one(operator: Operator) -> None:
    first, second = ask(operator), ask(operator)

    assert first.id == second.id
    assert states(operator) == ["queued"]


def test_one_run_at_a_time_and_the_second_stays_queued(operator: Operator) -> None:
    first = ask(operator)
    assert services.begin(operator_id=operator.id, run_id=first.id, at=AT) is not None
    second = ask(operator)

    begun = services.begin(operator_id=operator.id, run_id=second.id, at=AT)

    assert begun is None
    assert first.id != second.id
    assert states(operator) == ["running", "queued"]


@pytest.mark.django_db(transaction=True)
def test_the_end_of_a_run_sends_for_the_one_that_waits(tenant: Operator, sent: Sent) -> None:
    with operator_scope(tenant.id):
        first = ask(tenant)
        services.begin(operator_id=tenant.id, run_id=first.id, at=AT)
        second = ask(tenant)
    sent.clear()

    with operator_scope(tenant.id):
        services.fail(operator_id=tenant.id, run_id=first.id, code="training_killed", reason="It was.", at=AT)

    assert sent == [("training.retrain", (str(second.id),))]
    with operator_scope(tenant.id):
        assert services.begin(operator_id=tenant.id, run_id=second.id, at=AT) is not None


def test_two_operators_train_at_the_same_time(operator: Operator, other_operator: Operator) -> None:
    services.begin(operator_id=operator.id, run_id=ask(operator).id, at=AT)

    with operator_scope(other_operator.id):
        theirs = ask(other_operator)
        assert services.begin(operator_id=other_operator.id, run_id=theirs.id, at=AT) is not None


def test_another_operators_run_does_not_exist(operator: Operator, other_operator: Operator) -> None:
    with operator_scope(other_operator.id):
        theirs = ask(other_operator)

    with pytest.raises(UnknownRun):
        selectors.get(operator_id=operator.id, run_id=theirs.id)
    assert services.begin(operator_id=operator.id, run_id=theirs.id, at=AT) is None
    assert selectors.runs(operator_id=operator.id) == []


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"state": "running"}, "run_running_has_heartbeat"),
        ({"state": "failed", "finished_at": AT}, "run_failed_with_a_reason"),
        ({"state": "failed", "reason": "It was.", "reason_code": "x"}, "run_final_states_have_an_end"),
        ({"state": "succeeded", "finished_at": AT}, "run_succeeded_with_a_model"),
        ({"reason": "It was.", "reason_code": "x"}, "run_failed_with_a_reason"),
        ({"state": "resting"}, "run_state_known|run_final_states_have_an_end"),
        ({"trigger": "mood"}, "run_trigger_known"),
    ],
)
def test_the_database_refuses_runs_that_cannot_be(operator: Operator, change: dict[str, Any], constraint: str) -> None:
    run = ask(operator)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Run.objects.filter(id=run.id).update(**change)


def test_the_database_refuses_a_second_run_under_way(operator: Operator) -> None:
    services.begin(operator_id=operator.id, run_id=ask(operator).id, at=AT)

    with pytest.raises(IntegrityError, match="run_one_at_a_time_per_operator"), transaction.atomic():
        Run.objects.create(
            operator_id=operator.id, trigger="demand", requested_by="x", state="running", started_at=AT, heartbeat_at=AT
        )


def test_the_database_refuses_a_dataset_of_another_operators_run(operator: Operator, other_operator: Operator) -> None:
    with operator_scope(other_operator.id):
        theirs = ask(other_operator)

    with pytest.raises(IntegrityError, match="dataset_run_within_operator"), transaction.atomic():
        Dataset.objects.create(
            operator_id=operator.id, run_id=theirs.id, sha256="0" * 64, rows=1, bytes=1, people=b"", exported_at=AT
        )


def test_the_sweep_fails_a_run_whose_worker_is_gone(operator: Operator) -> None:
    run = ask(operator)
    services.begin(operator_id=operator.id, run_id=run.id, at=AT)

    early = services.sweep(operator_id=operator.id, at=AT + services.STALE_AFTER)
    late = services.sweep(operator_id=operator.id, at=AT + services.STALE_AFTER + timedelta(seconds=1))

    assert (early, late) == ({"abandoned": 0, "waiting": 0}, {"abandoned": 1, "waiting": 0})
    run.refresh_from_db()
    assert (run.state, run.reason_code) == ("failed", "worker_lost")
    assert run.reason == "Its worker was last heard of at 2026-11-22 03:00:00 UTC and is gone."


def test_a_run_of_a_worker_that_ended_on_this_machine_gives_way_at_once(operator: Operator) -> None:
    lost = ask(operator)
    services.begin(operator_id=operator.id, run_id=lost.id, at=AT)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    Run.objects.filter(id=lost.id).update(worker=f"{socket.gethostname()}:{ended.pid}")
    next_run = ask(operator)

    assert services.begin(operator_id=operator.id, run_id=next_run.id, at=AT) is not None

    lost.refresh_from_db()
    assert (lost.state, lost.reason_code) == ("failed", "worker_lost")


@pytest.mark.parametrize("worker", ["", "another-machine:1", "no name", workers.here(), f"{socket.gethostname()}:1"])
def test_a_worker_that_may_live_is_not_called_gone(worker: str) -> None:
    assert not workers.is_gone(worker)


def test_a_heartbeat_keeps_a_run_alive(operator: Operator) -> None:
    run = ask(operator)
    services.begin(operator_id=operator.id, run_id=run.id, at=timezone.now() - timedelta(hours=1))
    progress = {"stage": "din", "done": 1, "of": 6, "message": "halfway"}

    assert services.beat(operator_id=operator.id, run_id=run.id, progress=progress)

    assert services.sweep(operator_id=operator.id, at=timezone.now())["abandoned"] == 0
    run.refresh_from_db()
    assert run.progress == progress


def test_a_heartbeat_of_an_ended_run_is_told_so(operator: Operator) -> None:
    run = ask(operator)
    services.begin(operator_id=operator.id, run_id=run.id, at=AT)
    services.fail(operator_id=operator.id, run_id=run.id, code="worker_lost", reason="Swept.", at=AT)

    assert not services.beat(operator_id=operator.id, run_id=run.id, progress={})
    assert not services.fail(operator_id=operator.id, run_id=run.id, code="other", reason="Again.", at=AT)
    run.refresh_from_db()
    assert run.reason_code == "worker_lost"


@pytest.mark.django_db(transaction=True)
def test_with_the_broker_down_the_run_waits_for_the_sweep(
    tenant: Operator, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    up = current_app._get_current_object().signature

    def refuse(name: str, args: object) -> object:
        raise OperationalError("Connection refused")

    monkeypatch.setattr(current_app._get_current_object(), "signature", refuse)
    with operator_scope(tenant.id):
        run = ask(tenant)
    monkeypatch.setattr(current_app._get_current_object(), "signature", up)
    assert sent == []

    tasks.sweep()

    assert sent == [("training.retrain", (str(run.id),))]
    with operator_scope(tenant.id):
        assert states(tenant) == ["queued"]


@pytest.mark.django_db(transaction=True)
def test_the_nightly_task_asks_for_a_run_of_every_operator(tenant: Operator, sent: Sent) -> None:
    from accounts.services import create_operator

    rival = create_operator(name="Rival Screens", slug="rival-screens")

    tasks.nightly()

    assert len(sent) == 2
    for operator in (tenant, rival):
        with operator_scope(operator.id):
            assert Run.objects.get().trigger == "nightly"


@pytest.mark.django_db(transaction=True)
def test_the_sweep_deletes_what_dead_workers_left(tenant: Operator) -> None:
    with operator_scope(tenant.id):
        run = ask(tenant)
        services.begin(operator_id=tenant.id, run_id=run.id, at=timezone.now())
    alive, dead = folders.make(run.id), folders.make(new_id())

    tasks.sweep()

    assert alive.exists()
    assert not dead.exists()


@pytest.mark.django_db(transaction=True)
def test_a_task_for_an_unknown_run_does_nothing(tenant: Operator) -> None:
    tasks.retrain(str(new_id()))

    with operator_scope(tenant.id):
        assert not Run.objects.exists()


def test_every_task_goes_to_its_queue() -> None:
    router = current_app.amqp.router

    assert router.route({}, "training.retrain")["queue"].name == "training"
    assert router.route({}, "training.nightly")["queue"].name == "training"
    sweeps = [entry for entry in settings.CELERY_BEAT_SCHEDULE.values() if entry["task"] == "training.sweep"]
    assert [entry["options"]["queue"] for entry in sweeps] == ["default"]


def learning(operator: Operator, *persons: UUID) -> Run:
    """A run under way that has exported these people's data."""
    run = ask(operator)
    services.begin(operator_id=operator.id, run_id=run.id, at=timezone.now())
    recorded = services.record_dataset(
        operator_id=operator.id, run_id=run.id, sha256="0" * 64, rows=10, size=100,
        viewers=[public_id("sub", person) for person in persons] + ["movielens-100k:abc"], consent_snapshot={},
        exported_at=timezone.now(),
    )  # fmt: skip
    assert recorded is not None
    return run


def learnt(operator: Operator, model: Path, *persons: UUID, passes: bool = True) -> ModelVersion:
    """A model that learnt from these people."""
    run = learning(operator, *persons)
    done = services.conclude(
        operator_id=operator.id, run_id=run.id, model=model, seed=1, metrics={}, passes=passes, verdict="", at=AT
    )
    assert done.model_version_id is not None
    return registry.selectors.get(operator_id=operator.id, version_id=done.model_version_id)


@pytest.fixture
def persons(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Two people who consent to being learnt from."""
    found = [new_id(), new_id()]
    monkeypatch.setattr(subjects.selectors, "learners", lambda **_: set(found))
    return found


def test_a_dataset_with_somebody_whose_consent_ended_is_not_recorded(operator: Operator, persons: list[UUID]) -> None:
    run = ask(operator)
    services.begin(operator_id=operator.id, run_id=run.id, at=AT)

    recorded = services.record_dataset(
        operator_id=operator.id, run_id=run.id, sha256="0" * 64, rows=10, size=100,
        viewers=[public_id("sub", persons[0]), public_id("sub", new_id())], consent_snapshot={}, exported_at=AT,
    )  # fmt: skip

    assert recorded is None
    assert not Dataset.objects.exists()


def test_forgetting_somebody_ends_the_training_that_has_their_data(
    operator: Operator, persons: list[UUID], trained_file: Path
) -> None:
    run = learning(operator, *persons)

    counts = services.forget(operator_id=operator.id, subject_id=persons[0])

    assert counts == {"datasets": 1, "runs_ended": 1, "models_removed": 0, "models_awaiting_retrain": 0}
    run.refresh_from_db()
    assert (run.state, run.reason_code) == ("failed", "person_erased")
    with pytest.raises(RunTakenAway):
        services.conclude(
            operator_id=operator.id, run_id=run.id, model=trained_file, seed=1, metrics={}, passes=True, verdict="",
            at=AT,
        )  # fmt: skip
    assert not ModelVersion.objects.exists()
    waiting = selectors.queued(operator_id=operator.id)
    assert waiting is not None
    assert waiting.trigger == "erasure"


def test_forgetting_somebody_leaves_no_trace_of_them_and_all_of_the_others(
    operator: Operator, persons: list[UUID], trained_file: Path
) -> None:
    learnt(operator, trained_file, *persons)
    assert selectors.traces(operator_id=operator.id, subject_id=persons[0]) == {"datasets": 1}

    services.forget(operator_id=operator.id, subject_id=persons[0])
    again = services.forget(operator_id=operator.id, subject_id=persons[0])

    assert again == {"datasets": 0, "runs_ended": 0, "models_removed": 0, "models_awaiting_retrain": 0}
    assert selectors.traces(operator_id=operator.id, subject_id=persons[0]) == {"datasets": 0}
    assert selectors.traces(operator_id=operator.id, subject_id=persons[1]) == {"datasets": 1}
    assert people.count(bytes(Dataset.objects.get().people)) == 2


@pytest.mark.django_db(transaction=True)
def test_models_that_learnt_from_somebody_erased_go_or_await_their_retraining(
    tenant: Operator, persons: list[UUID], trained_file: Path, other_trained_file: Path
) -> None:
    with operator_scope(tenant.id):
        candidate = learnt(tenant, other_trained_file, *persons, passes=False)
        champion = learnt(tenant, trained_file, *persons)

    with operator_scope(tenant.id):
        counts = services.forget(operator_id=tenant.id, subject_id=persons[0])

    assert counts == {"datasets": 2, "runs_ended": 0, "models_removed": 1, "models_awaiting_retrain": 1}
    files = {path.stem for path in Path(settings.RANKING_MODELS).glob("*.onnx")}
    assert files == {champion.file_digest}
    with operator_scope(tenant.id):
        active = registry.selectors.active_version(operator_id=tenant.id)
        assert active is not None
        assert active.awaits_retrain
        assert selectors.queued(operator_id=tenant.id) is not None
        with pytest.raises(registry.errors.ModelAwaitsRetrain):
            registry.services.activate(operator_id=tenant.id, version_id=candidate.id, actor="member:one")


def test_forgetting_a_stranger_changes_nothing(operator: Operator, persons: list[UUID], trained_file: Path) -> None:
    learnt(operator, trained_file, persons[0])

    counts = services.forget(operator_id=operator.id, subject_id=persons[1])

    assert counts == {"datasets": 0, "runs_ended": 0, "models_removed": 0, "models_awaiting_retrain": 0}
    assert selectors.queued(operator_id=operator.id) is None
