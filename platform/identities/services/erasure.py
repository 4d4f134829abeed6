"""Forget a subject's face."""

from uuid import UUID

from django.db import transaction

from core.epochs import Topic, bump
from identities.models import Template


@transaction.atomic
def forget(*, operator_id: UUID, subject_id: UUID) -> dict[str, int]:
    """Delete a subject's templates; every process drops them from its gallery before its next answer."""
    deleted = Template.objects.filter(operator_id=operator_id, subject_id=subject_id).delete()[0]
    if deleted:
        bump(operator_id=operator_id, topic=Topic.GALLERY)
    return {"templates": deleted}
