"""Ask for trainings, move runs from state to state, forget people. Callers have entered the operator's scope."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

import registry.services
import subjects.selectors
from audit.services import record
from core.ids import public_id
from core.queue import enqueue
from core.tenancy import operator_scope
from registry.services import Lineage
from training import folders, people, selectors, workers
from training.errors import RunTakenAway, RunWaits
from training.lineage import code_version
from training.models import Dataset, Run, State, Trigger
from training.promotion import Promotion, promote

TASK = "training.retrain"
ACTOR = "system:training"
CHAMPION = "champion"
STALE_AFTER = timedelta(minutes=2)
"""A worker that was silent for so long is gone: twelve heartbeats were missed."""


@transaction.atomic
def request_run(*, operator_id: UUID, trigger: Trigger | str, actor: str) -> Run:
    """Ask for a training; while one waits already, that one is returned, since it will learn from the same log.

    One run per operator is under way at a time; the next waits for its end. With the broker down the run waits for
    the next sweep.
    """
    _lock(operator_id)
    run = selectors.queued(operator_id=operator_id)
    if run is None:
        return _request(operator_id, Trigger(trigger), actor, {})
    enqueue(TASK, str(run.id))
    return run


@transaction.atomic
def request_private_run(*, operator_id: UUID, network: str, epsilon: float, delta: float, actor: str) -> Run:
    """Ask for a training with differential privacy; ``privacy`` has spent the budget for it.

    Raises:
        RunWaits: another training waits already, which promises something else; nothing is asked for.
    """
    _lock(operator_id)
    if selectors.queued(operator_id=operator_id) is not None:
        raise RunWaits("A training waits for its turn; ask again when it has begun (GET /v1/runs).")
    terms = {"network": network, "epsilon": epsilon, "delta": delta}
    return _request(operator_id, Trigger.DEMAND, actor, terms)


@transaction.atomic
def begin(*, operator_id: UUID, run_id: UUID, at: datetime) -> Run | None:
    """Take a waiting run; None when it does not wait (any more) or another one is under way."""
    _lock(operator_id)
    _fail_abandoned(operator_id, at)
    if Run.objects.filter(operator_id=operator_id, state=State.RUNNING).exists():
        return None
    waiting = Run.objects.filter(operator_id=operator_id, id=run_id, state=State.QUEUED)
    if not waiting.update(state=State.RUNNING, started_at=at, heartbeat_at=at, worker=workers.here()):
        return None
    return selectors.get(operator_id=operator_id, run_id=run_id)


def beat(*, operator_id: UUID, run_id: UUID, progress: Mapping[str, Any]) -> bool:
    """Note that a run's worker lives, and where the run is; False when the run is not under way any more."""
    with operator_scope(operator_id):
        own = Run.objects.filter(operator_id=operator_id, id=run_id, state=State.RUNNING)
        return own.update(heartbeat_at=timezone.now(), progress=dict(progress)) == 1


@transaction.atomic
def record_dataset(
    *,
    operator_id: UUID,
    run_id: UUID,
    sha256: str,
    rows: int,
    size: int,
    viewers: Collection[str],
    consent_snapshot: Mapping[str, Any],
    exported_at: datetime,
) -> Dataset | None:
    """Record what a run is about to learn from; None when somebody in it has ended their consent meanwhile.

    The lock is the one ``forget`` takes: an erasure either comes first, and is noticed here, or finds the row.

    Raises:
        RunTakenAway: the run is not under way any more.
    """
    _lock(operator_id)
    _own(operator_id, run_id)
    learners = subjects.selectors.learners(operator_id=operator_id, at=timezone.now())
    allowed = {selectors.viewer_key(subject_id) for subject_id in learners}
    if any(key.startswith(f"{selectors.SUBJECT}_") and key not in allowed for key in viewers):
        return None
    return Dataset.objects.create(
        operator_id=operator_id, run_id=run_id, sha256=sha256, rows=rows, bytes=size, people=people.pack(viewers),
        consent_snapshot=dict(consent_snapshot), exported_at=exported_at,
    )  # fmt: skip


@transaction.atomic
def conclude(
    *,
    operator_id: UUID,
    run_id: UUID,
    model: Path,
    seed: int,
    metrics: Mapping[str, Any],
    passes: bool,
    verdict: str,
    at: datetime,
    lineage: Lineage | None = None,
    gradients: Path | None = None,
) -> Run:
    """Register what a run has trained, move it on if the gate let it pass, and end the run.

    Raises:
        RunTakenAway: the run is not under way any more; nothing is registered.
        ModelFileUnusable: the file cannot be served; nothing is registered.
    """
    _lock(operator_id)
    run = _own(operator_id, run_id)
    version = registry.services.register(
        operator_id=operator_id, source=model, seed=seed, code_version=code_version(), actor=ACTOR, metrics=metrics,
        consent_snapshot=run.dataset.consent_snapshot, run_id=run_id, verdict=verdict, lineage=lineage,
        gradients=gradients,
    )  # fmt: skip
    reached = Promotion(version.stage)
    if passes:
        reached = promote(operator_id=operator_id, version_id=version.id)
    run.state, run.finished_at, run.model_version_id = State.SUCCEEDED, at, version.id
    run.metrics = dict(metrics) | {"activated": reached.stage == CHAMPION, "promotion": asdict(reached)}
    run.save(update_fields=["state", "finished_at", "model_version_id", "metrics"])
    record(
        operator_id=operator_id, actor=ACTOR, action="run.succeeded", target=run.public_id,
        detail={"model": version.public_id, "activated": reached.stage == CHAMPION, "stage": reached.stage},
    )  # fmt: skip
    _enqueue_next(operator_id)
    return run


@transaction.atomic
def fail(*, operator_id: UUID, run_id: UUID, code: str, reason: str, at: datetime) -> bool:
    """End a run that is under way with the reason why it has no model; False when it is not under way."""
    _lock(operator_id)
    ended = Run.objects.filter(operator_id=operator_id, id=run_id, state=State.RUNNING).update(
        state=State.FAILED, finished_at=at, reason_code=code, reason=reason
    )
    if ended:
        record(
            operator_id=operator_id, actor=ACTOR, action="run.failed", target=public_id(Run.PREFIX, run_id),
            detail={"code": code},
        )  # fmt: skip
        _enqueue_next(operator_id)
    return bool(ended)


@transaction.atomic
def sweep(*, operator_id: UUID, at: datetime) -> dict[str, int]:
    """Fail runs whose worker is gone, and send for the run that waits; the message may have been lost."""
    _lock(operator_id)
    return {"abandoned": _fail_abandoned(operator_id, at), "waiting": _enqueue_next(operator_id)}


@transaction.atomic
def forget(*, operator_id: UUID, subject_id: UUID) -> dict[str, int]:
    """Take a person out of everything learnt, and return how many things of each kind that were.

    Call it once the person's consents have ended, or in the transaction that ends them. A training that is under way
    with their data ends without a model; models that learnt from them and do not serve lose their files; one that
    serves is marked as awaiting its retraining, which is asked for at once. Repeating the call counts zeros.
    """
    _lock(operator_id)
    found = selectors.datasets_with(operator_id=operator_id, subject_id=subject_id)
    at, key = timezone.now(), selectors.viewer_key(subject_id)
    folders.forget_in_shards(operator_id, key)
    ended = 0
    for dataset in found:
        dataset.people = people.without(bytes(dataset.people), key)
        dataset.save(update_fields=["people"])
        transaction.on_commit(partial(folders.discard, dataset.run_id))
        reason = "Somebody whose data this training had exported was erased meanwhile; another run was asked for."
        ended += fail(operator_id=operator_id, run_id=dataset.run_id, code="person_erased", reason=reason, at=at)
    learnt = [dataset.run.model_version_id for dataset in found if dataset.run.model_version_id is not None]
    models = registry.services.await_retrain(operator_id=operator_id, version_ids=learnt, at=at)
    if ended or models["models_awaiting_retrain"]:
        request_run(operator_id=operator_id, trigger=Trigger.ERASURE, actor="system:erasure")
    return {"datasets": len(found), "runs_ended": ended, **models}


def _request(operator_id: UUID, trigger: Trigger, actor: str, terms: Mapping[str, Any]) -> Run:
    run = Run.objects.create(operator_id=operator_id, trigger=trigger, requested_by=actor, terms=dict(terms))
    record(
        operator_id=operator_id, actor=actor, action="run.requested", target=run.public_id,
        detail={"trigger": run.trigger, **terms},
    )  # fmt: skip
    enqueue(TASK, str(run.id))
    return run


def _fail_abandoned(operator_id: UUID, at: datetime) -> int:
    ended = 0
    for run in selectors.abandoned(operator_id=operator_id, heard_before=at - STALE_AFTER):
        reason = f"Its worker was last heard of at {run.heartbeat_at:%Y-%m-%d %H:%M:%S} UTC and is gone."
        ended += fail(operator_id=operator_id, run_id=run.id, code="worker_lost", reason=reason, at=at)
    return ended


def _enqueue_next(operator_id: UUID) -> int:
    waiting = selectors.queued(operator_id=operator_id)
    busy = Run.objects.filter(operator_id=operator_id, state=State.RUNNING).exists()
    if waiting is None or busy:
        return 0
    enqueue(TASK, str(waiting.id))
    return 1


def _own(operator_id: UUID, run_id: UUID) -> Run:
    run = Run.objects.select_for_update().filter(operator_id=operator_id, id=run_id, state=State.RUNNING).first()
    if run is None:
        raise RunTakenAway
    return run


def _lock(operator_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('training:' || %s, 0))", [str(operator_id)])
