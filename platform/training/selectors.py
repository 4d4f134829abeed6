"""Read runs and datasets."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from core.ids import public_id
from core.tenancy import platform_scope
from training import people, workers
from training.errors import UnknownRun
from training.models import Alert, Dataset, Run, State


def operator_of(run_id: UUID) -> UUID | None:
    """Return whose run this is, for tasks that know only its id."""
    with platform_scope():
        return Run.objects.filter(id=run_id).values_list("operator_id", flat=True).first()


def get(*, operator_id: UUID, run_id: UUID) -> Run:
    """Return one run.

    Raises:
        UnknownRun: this operator has no such run.
    """
    run = Run.objects.filter(operator_id=operator_id, id=run_id).first()
    if run is None:
        raise UnknownRun("This operator has no such run; GET /v1/runs lists them.")
    return run


def runs(*, operator_id: UUID, before: UUID | None = None, limit: int = 50) -> list[Run]:
    """Return runs with their datasets, newest first; ``before`` continues behind that id (one query)."""
    rows = Run.objects.filter(operator_id=operator_id).select_related("dataset")
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.order_by("-id")[:limit])


def current(*, operator_id: UUID) -> Run | None:
    """Return the run that is under way, else the one that waits, else None."""
    open_runs = Run.objects.filter(operator_id=operator_id, state__in=[State.RUNNING, State.QUEUED])
    return open_runs.order_by("-state").first()  # "running" sorts behind "queued"


def abandoned(*, operator_id: UUID, heard_before: datetime) -> list[Run]:
    """Return runs whose worker has ended, or was not heard of since a time."""
    running = Run.objects.filter(operator_id=operator_id, state=State.RUNNING)
    return [
        run
        for run in running
        if workers.is_gone(run.worker) or (run.heartbeat_at is not None and run.heartbeat_at < heard_before)
    ]


def queued(*, operator_id: UUID) -> Run | None:
    """Return the run that waits for its turn."""
    return Run.objects.filter(operator_id=operator_id, state=State.QUEUED).first()


def running_ids() -> set[UUID]:
    """Return every run under way, of all operators."""
    with platform_scope():
        return set(Run.objects.filter(state=State.RUNNING).values_list("id", flat=True))


def alerts(*, operator_id: UUID) -> QuerySet[Alert]:
    """Return all alerts, resolved ones too; lists put them in order."""
    return Alert.objects.filter(operator_id=operator_id)


def open_alerts(*, operator_id: UUID) -> list[Alert]:
    """Return the alerts that are not resolved, the worst first (one query)."""
    return list(alerts(operator_id=operator_id).filter(resolved_at=None).order_by("severity", "-raised_at"))


def last_exported(*, operator_id: UUID) -> datetime | None:
    """Return up to when the newest model's log reaches; None before the first model."""
    made = Dataset.objects.filter(operator_id=operator_id, run__state=State.SUCCEEDED)
    return made.order_by("-exported_at").values_list("exported_at", flat=True).first()


def failed(*, operator_id: UUID, run_ids: Collection[UUID]) -> set[UUID]:
    """Return which of some runs ended without a model."""
    rows = Run.objects.filter(operator_id=operator_id, id__in=run_ids, state=State.FAILED)
    return set(rows.values_list("id", flat=True))


def datasets_with(*, operator_id: UUID, subject_id: UUID) -> list[Dataset]:
    """Return the datasets that hold a subject, with their runs."""
    key = viewer_key(subject_id)
    rows = Dataset.objects.filter(operator_id=operator_id).select_related("run")
    return [row for row in rows.iterator(chunk_size=20) if people.holds(bytes(row.people), key)]


def traces(*, operator_id: UUID, subject_id: UUID) -> dict[str, int]:
    """Return how many records still point to a subject; an erasure leaves zeros."""
    return {"datasets": len(datasets_with(operator_id=operator_id, subject_id=subject_id))}


SUBJECT = "sub"


def viewer_key(subject_id: UUID) -> str:
    """Return how the log names a subject to the ranker."""
    return public_id(SUBJECT, subject_id)
