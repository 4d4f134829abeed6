"""Forget a person."""

from uuid import UUID

from core.ids import public_id
from events.models import ImportedInteraction, StaffPeriod


def forget(*, operator_id: UUID, subject_id: UUID) -> dict[str, int]:
    """Delete what this app keeps of a person, and return how many rows that were. May be repeated.

    Plays and engagements name a decision and nobody else; they lead to a person only through the decision's viewers,
    which ``decisions.services.forget`` unlinks. Lines of an imported log name keys of that log, never a subject; one
    that does all the same is deleted. That somebody worked there is deleted with them.
    """
    named = {str(subject_id), subject_id.hex, public_id("sub", subject_id)}
    mine = ImportedInteraction.objects.filter(operator_id=operator_id, person__in=named)
    staff = StaffPeriod.objects.filter(operator_id=operator_id, subject_id=subject_id)
    return {"imported_interactions": mine.delete()[0], "staff_periods": staff.delete()[0]}
