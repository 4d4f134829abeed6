"""Take rights requests and carry them out."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

import subjects.selectors
from audit.services import record
from core.problems import Problem
from core.queue import enqueue
from core.tenancy import operator_scope
from privacy import selectors
from privacy.digests import digest_of
from privacy.models import Kind, RightsRequest, State
from privacy.services.erasure import erase

TERM = timedelta(days=30)
"""Within which a request is answered (GDPR article 12(3): one month)."""


@transaction.atomic
def ask(
    *, operator_id: UUID, subject_id: UUID, kind: str, channel: str, actor: str, at: datetime, note: str = ""
) -> RightsRequest:
    """Record what a person asks for; an erasure is carried out by a task as soon as this commits.

    Asking twice for the erasure of one subject gives the same request. Access and export are answered by ``export``
    at once and only recorded here.

    Raises:
        UnknownSubject: this operator has no such subject.
    """
    subject = subjects.selectors.get(operator_id=operator_id, subject_id=subject_id)
    if kind == Kind.ERASURE:
        waiting = selectors.requests(operator_id=operator_id, state=State.OPEN).filter(subject_id=subject_id, kind=kind)
        if found := waiting.first():
            return found
    at_once = kind in {Kind.ACCESS, Kind.EXPORT}
    request = RightsRequest.objects.create(
        operator_id=operator_id, subject_id=subject_id, subject_digest=digest_of(subject_id), kind=Kind(kind),
        state=State.DONE if at_once else State.OPEN, channel=channel, actor=actor, note=note, asked_at=at,
        due_at=at + TERM, finished_at=at if at_once else None,
    )  # fmt: skip
    record(
        operator_id=operator_id, actor=actor, action=f"rights.{kind}", target=subject.public_id,
        detail={"request": request.public_id, "channel": channel},
    )  # fmt: skip
    if kind == Kind.ERASURE:
        enqueue("privacy.erase", str(request.id))
    return request


def carry_out(*, operator_id: UUID, request_id: UUID, at: datetime) -> RightsRequest:
    """Do the erasure a request asks for; one that is done stays as it is.

    When the search afterwards finds something, the request is marked failed with what was found, and the sweep tries
    again.
    """
    with operator_scope(operator_id):
        request = selectors.get_request(operator_id=operator_id, request_id=request_id)
        if request.state == State.DONE or request.subject_id is None:
            return request
        try:
            erase(operator_id=operator_id, subject_id=request.subject_id, actor=request.actor, at=at)
        except Problem as error:
            request.state, request.reason = State.FAILED, error.detail
            request.save(update_fields=["state", "reason"])
        request.refresh_from_db()
    return request
