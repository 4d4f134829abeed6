"""What models owe somebody who is erased."""

from collections.abc import Collection
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction

from audit.services import record
from core.epochs import Topic, bump
from registry import files
from registry.models import ON_TRIAL, ModelVersion, Outcome, Stage
from registry.services.locks import lock
from registry.services.trials import close

ACTOR = "system:erasure"


@transaction.atomic
def await_retrain(*, operator_id: UUID, version_ids: Collection[UUID], at: datetime) -> dict[str, int]:
    """Mark versions that learnt from somebody who is being erased, and delete the files of those that do not serve.

    A shadow or a canary among them retires at once: the champion serves its screens.

    Returns:
        How many files were deleted, and how many versions (one or none) serve on until a retraining replaces them.
    """
    lock(operator_id)
    marked = ModelVersion.objects.filter(operator_id=operator_id, id__in=version_ids)
    marked.filter(awaits_retrain_since=None).update(awaits_retrain_since=at)
    on_trial = list(marked.filter(stage__in=ON_TRIAL))
    for version in on_trial:
        close(version, outcome=Outcome.STOPPED, reason="It had learnt from somebody who was erased.")
        ModelVersion.objects.filter(operator_id=operator_id, id=version.id).update(stage=Stage.RETIRED)
    idle = list(marked.exclude(stage=Stage.CHAMPION))
    for version in idle:
        remove_file(version)
    serving = marked.filter(stage=Stage.CHAMPION).count()
    if version_ids:
        record(
            operator_id=operator_id, actor=ACTOR, action="model.awaits_retrain", target="models",
            detail={"models": sorted(version.public_id for version in marked.all())},
        )  # fmt: skip
    if on_trial:
        bump(operator_id=operator_id, topic=Topic.MODELS)
    return {"models_removed": len(idle), "models_awaiting_retrain": serving}


def remove_file(version: ModelVersion) -> None:
    """Delete a version's file once the current transaction commits."""
    # Processes that serve it hold it in memory; none opens the file again.
    transaction.on_commit(partial(files.remove, version.file_digest))
