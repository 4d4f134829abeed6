"""Register, activate and roll back model versions."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from audit.services import record
from core.epochs import Topic, bump
from recsys.serving.ranker import Ranker, RankerRefused
from registry import files
from registry.errors import ModelAwaitsRetrain, ModelFileUnusable, NothingToRollBackTo, UnknownModel
from registry.models import Active, ModelVersion, Stage


@transaction.atomic
def register(
    *,
    operator_id: UUID,
    source: Path,
    seed: int,
    code_version: str,
    actor: str,
    metrics: Mapping[str, Any] | None = None,
    consent_snapshot: Mapping[str, Any] | None = None,
    run_id: UUID | None = None,
    verdict: str = "",
) -> ModelVersion:
    """Keep a trained model's file and enter it as a candidate; what the file says about itself is taken from it.

    Raises:
        ModelFileUnusable: the file cannot be served by this code; nothing was kept.
    """
    ranker = _proven(source, _digest(source))
    digest = files.store(source)
    version = ModelVersion.objects.create(
        operator_id=operator_id, run_id=run_id, kind=ranker.metadata.kind, metrics=dict(metrics or {}), verdict=verdict,
        spec_digest=ranker.metadata.spec, data_digest=ranker.metadata.data, file_digest=digest,
        bytes=source.stat().st_size, consent_snapshot=dict(consent_snapshot or {}),
        code_version=code_version, seed=seed, trained_at=datetime.fromisoformat(ranker.metadata.trained_at),
    )  # fmt: skip
    record(
        operator_id=operator_id, actor=actor, action="model.registered", target=version.public_id,
        detail={"file": digest, "data": version.data_digest},
    )  # fmt: skip
    return version


@transaction.atomic
def activate(*, operator_id: UUID, version_id: UUID, actor: str) -> ModelVersion:
    """Let a version serve from the next decision on; activating the active one changes nothing.

    Raises:
        UnknownModel: this operator has no such version.
        ModelAwaitsRetrain: it learnt from somebody who was erased since.
        ModelFileUnusable: its file is missing, is not the registered one, or cannot be served.
    """
    _lock(operator_id)
    version = _version(operator_id, version_id)
    active = Active.objects.filter(operator_id=operator_id).first()
    if active is not None and active.version_id == version_id:
        return version
    return _switch(operator_id, active, version, actor=actor, action="model.activated")


@transaction.atomic
def rollback(*, operator_id: UUID, actor: str) -> ModelVersion:
    """Let the version serve again that served before the active one.

    Raises:
        NothingToRollBackTo: no version served before.
        ModelAwaitsRetrain: the former version learnt from somebody who was erased since.
        ModelFileUnusable: the former version's file is missing, changed or cannot be served.
    """
    _lock(operator_id)
    active = Active.objects.filter(operator_id=operator_id).first()
    if active is None or active.previous_id is None:
        raise NothingToRollBackTo("No model served before this one; activate a version by its id instead.")
    version = _version(operator_id, active.previous_id)
    return _switch(operator_id, active, version, actor=actor, action="model.rolled_back")


@transaction.atomic
def await_retrain(*, operator_id: UUID, version_ids: Collection[UUID], at: datetime) -> dict[str, int]:
    """Mark versions that learnt from somebody who is being erased, and delete the files of those that do not serve.

    Returns:
        How many files were deleted, and how many versions (one or none) serve on until a retraining replaces them.
    """
    _lock(operator_id)
    marked = ModelVersion.objects.filter(operator_id=operator_id, id__in=version_ids)
    marked.filter(awaits_retrain_since=None).update(awaits_retrain_since=at)
    idle = list(marked.exclude(stage=Stage.CHAMPION))
    for version in idle:
        _remove_file(version)
    serving = marked.filter(stage=Stage.CHAMPION).count()
    if version_ids:
        record(
            operator_id=operator_id, actor="system:erasure", action="model.awaits_retrain", target="models",
            detail={"models": sorted(version.public_id for version in marked.all())},
        )  # fmt: skip
    return {"models_removed": len(idle), "models_awaiting_retrain": serving}


def _switch(
    operator_id: UUID, active: Active | None, version: ModelVersion, *, actor: str, action: str
) -> ModelVersion:
    if version.awaits_retrain_since is not None:
        raise ModelAwaitsRetrain("This model learnt from somebody who was erased since; train a new one instead.")
    _proven(files.path_of(version.file_digest), version.file_digest)
    previous_id = active.version_id if active else None
    for outgoing in ModelVersion.objects.filter(operator_id=operator_id, stage=Stage.CHAMPION):
        if outgoing.awaits_retrain_since is not None:
            _remove_file(outgoing)
    ModelVersion.objects.filter(operator_id=operator_id, stage=Stage.CHAMPION).update(stage=Stage.RETIRED)
    ModelVersion.objects.filter(operator_id=operator_id, id=version.id).update(stage=Stage.CHAMPION)
    Active.objects.update_or_create(
        operator_id=operator_id,
        defaults={
            "version_id": version.id, "previous_id": previous_id, "activated_at": timezone.now(), "activated_by": actor,
        },
    )  # fmt: skip
    version.stage = Stage.CHAMPION
    record(
        operator_id=operator_id, actor=actor, action=action, target=version.public_id,
        detail={"previous": ModelVersion(id=previous_id).public_id if previous_id else None},
    )  # fmt: skip
    bump(operator_id=operator_id, topic=Topic.MODELS)
    return version


def _version(operator_id: UUID, version_id: UUID) -> ModelVersion:
    version = ModelVersion.objects.filter(operator_id=operator_id, id=version_id).first()
    if version is None:
        raise UnknownModel("This operator has no such model; GET /v1/models lists them.")
    return version


def _remove_file(version: ModelVersion) -> None:
    # Processes that serve it hold it in memory; none opens the file again.
    transaction.on_commit(partial(files.remove, version.file_digest))


def _digest(source: Path) -> str:
    try:
        return files.digest_of(source)
    except OSError as error:
        raise ModelFileUnusable(f"The trained model's file cannot be read: {error.strerror}.") from error


def _proven(path: Path, digest: str) -> Ranker:
    """Load the file as a serving process would: what cannot be served must not become the champion."""
    try:
        return Ranker.load(path, digest)
    except OSError as error:
        raise ModelFileUnusable(
            f"The model's file {digest[:12]} is not where it belongs ({error.strerror}); restore it or train again."
        ) from error
    except RankerRefused as error:
        raise ModelFileUnusable(f"The model's file {digest[:12]} cannot be served: {error}.") from error


def _lock(operator_id: UUID) -> None:
    # The row that would be locked does not exist before the first activation, so the lock has a name of its own.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('registry:' || %s, 0))", [str(operator_id)])
