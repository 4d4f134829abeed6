"""What this app still says about a person."""

from uuid import UUID

from core.ids import public_id
from events.models import ImportedInteraction, StaffPeriod


def traces(*, operator_id: UUID, subject_id: UUID) -> int:
    """Return how many rows of this app name a subject; 0 after ``forget``, and as a rule before it."""
    named = {str(subject_id), subject_id.hex, public_id("sub", subject_id)}
    lines = ImportedInteraction.objects.filter(operator_id=operator_id, person__in=named)
    return lines.count() + StaffPeriod.objects.filter(operator_id=operator_id, subject_id=subject_id).count()
