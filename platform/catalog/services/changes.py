"""What every change of the catalogue leaves behind."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from audit.services import record
from core.epochs import Topic, bump


def changed(
    *, operator_id: UUID, actor: str, action: str, target: str, detail: Mapping[str, Any] | None = None
) -> None:
    """Audit a change and let every process reload the catalogue once it commits."""
    record(operator_id=operator_id, actor=actor, action=action, target=target, detail=detail)
    bump(operator_id=operator_id, topic=Topic.CATALOG)
