"""Read model versions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from registry.errors import UnknownModel
from registry.models import Active, ModelVersion


@dataclass(frozen=True, slots=True)
class ActiveVersion:
    """The version that serves.

    Attributes:
        file_digest: SHA-256 of its file.
        previous_id: where a rollback would go.
        awaits_retrain: whether it learnt from somebody who was erased since.
    """

    version_id: UUID
    kind: str
    file_digest: str
    previous_id: UUID | None
    activated_at: datetime
    activated_by: str
    awaits_retrain: bool


def active_version(*, operator_id: UUID) -> ActiveVersion | None:
    """Return which version serves, None before the first activation (one query)."""
    row = Active.objects.select_related("version").filter(operator_id=operator_id).first()
    if row is None:
        return None
    version = row.version
    return ActiveVersion(
        row.version_id, version.kind, version.file_digest, row.previous_id, row.activated_at, row.activated_by,
        version.awaits_retrain_since is not None,
    )  # fmt: skip


def get(*, operator_id: UUID, version_id: UUID) -> ModelVersion:
    """Return one version.

    Raises:
        UnknownModel: this operator has no such version.
    """
    version = ModelVersion.objects.filter(operator_id=operator_id, id=version_id).first()
    if version is None:
        raise UnknownModel("This operator has no such model; GET /v1/models lists them.")
    return version


def versions(*, operator_id: UUID, before: UUID | None = None, limit: int = 50) -> list[ModelVersion]:
    """Return versions, newest first; ``before`` continues behind that id."""
    rows = ModelVersion.objects.filter(operator_id=operator_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.order_by("-id")[:limit])
