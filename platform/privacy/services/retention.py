"""Let go of what is kept no longer."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

import subjects.selectors
import subjects.services
from core.models import Reply
from core.problems import Problem
from core.queue import enqueue
from privacy import selectors
from privacy.digests import digest_of
from privacy.services.erasure import erase
from privacy.services.private_run import return_unused

logger = logging.getLogger(__name__)

REPLIES = timedelta(hours=24)
NOTICE_VIEWS = timedelta(days=3 * 365)
RETRY_AFTER = timedelta(minutes=5)


@transaction.atomic
def sweep(*, operator_id: UUID, at: datetime) -> dict[str, int]:
    """Do for one operator what time asks for; return how many of each.

    Ending an expired consent to recognise deletes its templates in the same statement (a trigger of ``identities``).
    """
    waiting = selectors.waiting_erasures(operator_id=operator_id, asked_before=at - RETRY_AFTER)
    for request_id in waiting:
        enqueue("privacy.erase", str(request_id))
    old_replies = Reply.objects.filter(operator_id=operator_id, created_at__lt=at - REPLIES)
    return {
        "consents_expired": subjects.services.expire_consents(operator_id=operator_id, at=at),
        "replies": old_replies.delete()[0],
        "notice_views": subjects.services.forget_notice_views(operator_id=operator_id, before=at - NOTICE_VIEWS),
        "erasures_waiting": len(waiting),
        "erasures_repeated": repeat_erasures(operator_id=operator_id, at=at),
        "budget_returned": return_unused(operator_id=operator_id, at=at),
    }


def repeat_erasures(*, operator_id: UUID, at: datetime) -> int:
    """Erase again whom a restored backup brought back; return how many."""
    undone = selectors.undone_erasures(operator_id=operator_id)
    if not undone:
        return 0
    returned = [
        subject_id for subject_id in subjects.selectors.ids(operator_id=operator_id) if digest_of(subject_id) in undone
    ]
    return sum(_erased_again(operator_id, subject_id, at) for subject_id in returned)


def _erased_again(operator_id: UUID, subject_id: UUID, at: datetime) -> bool:
    try:
        erase(operator_id=operator_id, subject_id=subject_id, actor="privacy.sweep", at=at)
    except Problem as error:  # the rest of the sweep has to go on, and the next one tries again
        logger.error("An erasure could not be repeated: %s", error.detail)
        return False
    return True
