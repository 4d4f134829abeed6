"""Say who works there, so that their own plays and engagements are not taken for the audience's."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

import subjects.selectors
from audit.services import record
from events import selectors
from events.errors import AlreadyStaff, ImpossiblePeriod, NotStaff
from events.models import StaffPeriod


@transaction.atomic
def begin_staff(*, operator_id: UUID, subject_id: UUID, since: datetime, actor: str) -> StaffPeriod:
    """Count a subject as staff from a time on; what was decided before them since then is invalid traffic.

    Nothing is deleted, and nothing changes on the screens: they are recognised and shown things as before.

    Args:
        since: may lie in the past, for somebody who has worked there for a while.

    Raises:
        UnknownSubject: this operator has no such subject.
        AlreadyStaff: they count as staff, or did at that time.
    """
    subject = subjects.selectors.get(operator_id=operator_id, subject_id=subject_id)
    periods = StaffPeriod.objects.select_for_update().filter(operator_id=operator_id, subject_id=subject_id)
    if any(period.until is None or period.until > since for period in periods):
        raise AlreadyStaff(f"{subject.pseudonym} counts as staff already at that time; end that period first.")
    period = StaffPeriod.objects.create(operator_id=operator_id, subject_id=subject_id, since=since)
    record(
        operator_id=operator_id, actor=actor, action="staff.begun", target=subject.public_id,
        detail={"since": since.isoformat()},
    )  # fmt: skip
    return period


@transaction.atomic
def end_staff(*, operator_id: UUID, subject_id: UUID, until: datetime, actor: str) -> StaffPeriod:
    """Count a subject as audience again from a time on.

    Raises:
        UnknownSubject: this operator has no such subject.
        NotStaff: they do not count as staff.
        ImpossiblePeriod: the end would not lie after the begin.
    """
    subject = subjects.selectors.get(operator_id=operator_id, subject_id=subject_id)
    period = selectors.staff_period(operator_id=operator_id, subject_id=subject_id)
    if period is None:
        raise NotStaff(f"{subject.pseudonym} does not count as staff, so there is nothing to end.")
    if until <= period.since:
        raise ImpossiblePeriod(
            f"{subject.pseudonym} counts as staff since {period.since:%Y-%m-%d %H:%M}; end it later."
        )
    period.until = until
    period.save(update_fields=["until"])
    record(
        operator_id=operator_id, actor=actor, action="staff.ended", target=subject.public_id,
        detail={"until": until.isoformat()},
    )  # fmt: skip
    return period
