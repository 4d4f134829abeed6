"""Choose whether apparent minors are anonymous at an operator's screens."""

from uuid import UUID

from django.db import transaction

from audit.services import record
from core.epochs import Topic, bump
from core.ids import public_id
from faceid.minor import Minors
from identities.errors import MinorsUnknown
from identities.models import EnrolmentPolicy


@transaction.atomic
def treat_minors(*, operator_id: UUID, minors: str, actor: str) -> EnrolmentPolicy:
    """Look at nobody's age, or let apparent minors be anonymous from the next request on; the choice is audited.

    Raises:
        MinorsUnknown: neither ``off`` nor ``apparent_minor_is_anonymous``.
    """
    if minors not in set(Minors):
        raise MinorsUnknown(f"{minors[:40]!r} is not one of {', '.join(Minors)}.")
    chosen = Minors(minors)
    policy, _ = EnrolmentPolicy.objects.update_or_create(operator_id=operator_id, defaults={"minors": chosen.value})
    bump(operator_id=operator_id, topic=Topic.GALLERY)
    record(
        operator_id=operator_id, actor=actor, action="recognition.minors_chosen",
        target=public_id("opr", operator_id), detail={"minors": chosen.value},
    )  # fmt: skip
    return policy
