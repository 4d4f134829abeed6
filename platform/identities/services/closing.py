"""Close an operator: without its keys, every copy of its templates anywhere is noise."""

from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.services import record
from core.epochs import Topic, bump
from core.ids import public_id
from core.tenancy import operator_scope
from identities import selectors, snapshots
from identities.models import Contract, State, Template
from identities.services.rotation import keep_still, retire, tidy


def destroy_keys(*, operator_id: UUID, actor: str) -> int:
    """Destroy every key of an operator for good and delete the templates; return how many templates there were.

    What no deletion reaches, templates in backups and in the past of the file system, becomes useless with the keys.
    Copies of the keys themselves have to be destroyed where they are: in the backup of the key files, or, when a key
    management service wraps them, by destroying the key there. Nobody can be enrolled or recognised for this operator
    afterwards. Works without models, and again after a crash.
    """
    with operator_scope(operator_id):
        keep_still(operator_id)
        rows = selectors.contracts(operator_id=operator_id)
        for row in rows:
            if row.state != State.RETIRED:
                retire(row)
        if not rows:
            _mark_closed(operator_id)
        deleted = Template.objects.filter(operator_id=operator_id).delete()[0]
        bump(operator_id=operator_id, topic=Topic.GALLERY)
        record(
            operator_id=operator_id, actor=actor, action="template_keys.destroyed",
            target=public_id("opr", operator_id),
            detail={"templates": deleted, "keys": sorted(row.key_id for row in rows)},
        )  # fmt: skip
        tidy(operator_id=operator_id)
        transaction.on_commit(partial(snapshots.forget, operator_id))
    return deleted


def _mark_closed(operator_id: UUID) -> None:
    """Leave a row that says so: an operator without rows would get a new key."""
    Contract.objects.create(
        operator_id=operator_id, name="closed", recogniser="", preprocessing="", dimension=0, key_id="",
        state=State.RETIRED, retired_at=timezone.now(),
    )  # fmt: skip
