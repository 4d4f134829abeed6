"""Which choices were played."""

from collections.abc import Collection
from uuid import UUID

from events.models import Play


def decisions_of(*, operator_id: UUID, play_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the decision that each play carried out (one query); plays from an offline bundle are missing."""
    rows = Play.objects.filter(operator_id=operator_id, id__in=play_ids, decision_id__isnull=False)
    return {play_id: decision_id for play_id, decision_id in rows.values_list("id", "decision_id") if decision_id}
