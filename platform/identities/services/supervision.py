"""Choose who sees to it that the person before a kiosk is the person in the picture."""

from uuid import UUID

from django.db import transaction

from audit.services import record
from core.ids import public_id
from identities.errors import SupervisionUnknown
from identities.models import EnrolmentPolicy, Supervision


@transaction.atomic
def supervise(*, operator_id: UUID, supervision: str, actor: str) -> EnrolmentPolicy:
    """Let an operator enrol with or without a member of staff; the choice is audited.

    Raises:
        SupervisionUnknown: neither ``unattended`` nor ``attended``.
    """
    if supervision not in Supervision.values:
        raise SupervisionUnknown(f"{supervision[:40]!r} is not one of {', '.join(Supervision.values)}.")
    chosen = Supervision(supervision)
    policy, _ = EnrolmentPolicy.objects.update_or_create(
        operator_id=operator_id, defaults={"supervision": chosen}
    )  # fmt: skip
    record(
        operator_id=operator_id, actor=actor, action="enrolment.supervision_chosen",
        target=public_id("opr", operator_id), detail={"supervision": chosen.value},
    )  # fmt: skip
    return policy
