"""Choose who sees to it that the person before a kiosk is the person in the picture."""

from uuid import UUID

from django.db import transaction

from audit.services import record
from core.ids import public_id
from identities.models import EnrolmentPolicy, Supervision


@transaction.atomic
def supervise(*, operator_id: UUID, supervision: Supervision, actor: str) -> EnrolmentPolicy:
    """Let an operator enrol with or without a member of staff; the choice is audited."""
    policy, _ = EnrolmentPolicy.objects.update_or_create(
        operator_id=operator_id, defaults={"supervision": supervision}
    )  # fmt: skip
    record(
        operator_id=operator_id, actor=actor, action="enrolment.supervision_chosen",
        target=public_id("opr", operator_id), detail={"supervision": supervision.value},
    )  # fmt: skip
    return policy
