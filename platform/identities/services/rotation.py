"""Exchange an operator's protection key without anybody enrolling again.

What readers see changes in one step. Templates are carried over (t1 R1ᵀ R2, in this process, with both keys in memory)
into rows of a pending contract that nobody searches; then one transaction makes the pending contract active; then the
old rows and the old key go. Whatever step a crash comes between, either the old or the new contract is whole, and
calling :func:`rotate` again goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import numpy as np
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audit.services import record
from core.epochs import Topic, bump
from core.ids import new_id, public_id
from core.tenancy import operator_scope
from faceid.protect import Protection
from identities import selectors, snapshots
from identities.errors import RotationRefused
from identities.faces import Space, Spaces, read, row_of, space_of
from identities.keys import store
from identities.models import Contract, State, Template
from identities.pgvector_engine import written

BATCH = 2_000
"""Templates carried over or deleted in one transaction."""

_ATTEMPTS = 5
_CARRY = """
INSERT INTO identities_template
    (id, created_at, operator_id, subject_id, contract, embedding, quality, occasion, origin_id)
SELECT fresh.id, template.created_at, template.operator_id, template.subject_id, %(contract)s, fresh.vector::vector,
    template.quality, template.occasion, template.id
FROM unnest(%(ids)s::uuid[], %(origins)s::uuid[], %(vectors)s::text[]) AS fresh (id, origin_id, vector)
JOIN identities_template template ON template.id = fresh.origin_id AND template.operator_id = %(operator_id)s
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Rotated:
    """One contract that took another's place.

    Attributes:
        before, after: names of the contracts.
        templates: how many are under the new one.
    """

    before: str
    after: str
    templates: int


def rotate(*, operator_id: UUID, actor: str) -> list[Rotated]:
    """Give an operator new keys, in every space they search; return what took whose place.

    Readers are never blocked; enrolments wait while the few templates of the last moment are carried over. The old
    keys are destroyed once the switch is committed. Call it outside of a transaction.

    Raises:
        RotationRefused: the operator was closed.
        ProtectionKeyLost: the old key is gone, so nothing can be carried over.
    """
    tidy(operator_id=operator_id)
    pairs = _prepare(operator_id)
    for old, new in pairs:
        _carry(operator_id, old, new)
    rotated = [_switch(operator_id, old, new, actor) for old, new in pairs]
    tidy(operator_id=operator_id)
    return [one for one in rotated if one is not None]


def tidy(*, operator_id: UUID) -> None:
    """Delete the templates and destroy the keys of retired contracts, once the current transaction is committed.

    A key that was destroyed in a transaction that fails afterwards would be missed. Keys that no contract names are
    what a crash left behind before it could say what they were for; they go as well, and so do the snapshots of
    galleries that nobody searches any more.
    """
    transaction.on_commit(partial(_clean, operator_id))


def _clean(operator_id: UUID) -> None:
    with operator_scope(operator_id):
        keep_still(operator_id)
        rows = selectors.contracts(operator_id=operator_id)
        retired = [row for row in rows if row.state == State.RETIRED and row.key_destroyed_at is None]
    for row in retired:
        while _deleted(operator_id, row.name):
            pass
    with operator_scope(operator_id):
        keep_still(operator_id)
        rows = selectors.contracts(operator_id=operator_id)
        kept = {row.key_id for row in rows if row.state != State.RETIRED}
        if rows:
            searched = (row.name for row in rows if row.state in (State.ACTIVE, State.NEXT))
            snapshots.forget(operator_id, keep=frozenset(searched))
        if kept:
            for key_id in set(store().key_ids(operator_id)) - kept:
                store().destroy(operator_id, key_id)
        elif rows:
            store().destroy_all(operator_id)
        Contract.objects.filter(
            operator_id=operator_id, state=State.RETIRED, key_destroyed_at=None, id__in=[row.id for row in retired]
        ).update(key_destroyed_at=timezone.now())


def keep_still(operator_id: UUID) -> None:
    """Let nobody else enrol, rotate or move at this operator until the current transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('enrol:' || %s, 0))", [str(operator_id)])


def put_on_record(operator_id: UUID, spaces: Spaces) -> None:
    """Write down which contract an operator uses, if that was never said; call it after :func:`keep_still`."""
    if not selectors.contracts(operator_id=operator_id):
        row_of(spaces.active, operator_id, state=State.ACTIVE).save()


def retire(row: Contract) -> None:
    """Take a contract out of use."""
    row.state, row.retired_at = State.RETIRED, timezone.now()
    row.save(update_fields=["state", "retired_at"])


def _refuse_closed(operator_id: UUID) -> None:
    """Refuse what needs a key of an operator whose keys were destroyed.

    Raises:
        RotationRefused: the operator was closed.
    """
    rows = selectors.contracts(operator_id=operator_id)
    if rows and not any(row.state == State.ACTIVE for row in rows):
        raise RotationRefused("The keys of this operator were destroyed; there is nothing left to protect.")


def _prepare(operator_id: UUID) -> list[tuple[Contract, Contract]]:
    """Draw a key for every contract in use that has no pending successor; return (old, pending) of each."""
    with operator_scope(operator_id):
        keep_still(operator_id)
        _refuse_closed(operator_id)
        spaces = read(operator_id)
        put_on_record(operator_id, spaces)
        rows = selectors.contracts(operator_id=operator_id)
        pending = {row.replaces: row for row in rows if row.state == State.PENDING}
        used = [row for row in rows if row.state in (State.ACTIVE, State.NEXT)]
        return [
            (row, pending.get(row.name) or _successor(space, row)) for space, row in _matched(spaces, used)
        ]  # fmt: skip


def _matched(spaces: Spaces, rows: Sequence[Contract]) -> list[tuple[Space, Contract]]:
    named = {row.name: row for row in rows}
    return [(space, named[space.id]) for space in spaces]


def _successor(space: Space, old: Contract) -> Contract:
    """Draw a key; it is on disk before the row that names it."""
    key = Protection.generate(space.protection.dimension)
    store().add(old.operator_id, key)
    row = row_of(Space(space.pipeline, key), old.operator_id, state=State.PENDING, replaces=old.name)
    row.notice_version, row.due_at = old.notice_version, old.due_at
    row.save()
    return row


def _carry(operator_id: UUID, old: Contract, new: Contract) -> None:
    """Carry over whatever is not yet, batch by batch.

    A consent that ends between reading and writing makes the database refuse the batch; the next look leaves it out.
    """
    last: UUID | None = UUID(int=0)
    failures = 0
    while last is not None:
        try:
            with operator_scope(operator_id):
                last = _carried(operator_id, old, new, last)
        except IntegrityError:
            failures += 1
            if failures == _ATTEMPTS:
                raise


def _carried(operator_id: UUID, old: Contract, new: Contract, after: UUID) -> UUID | None:
    """Carry over one batch; return the last template of it, None when there was none left."""
    found = selectors.uncarried(
        operator_id=operator_id, contract=old.name, to=new.name, after=after, limit=BATCH
    )  # fmt: skip
    if not found:
        return None
    key, next_key = space_of(old).protection, space_of(new).protection
    vectors = key.move(np.stack([vector for _, vector in found]), next_key)
    with connection.cursor() as cursor:
        cursor.execute(
            _CARRY,
            {
                "contract": new.name, "operator_id": operator_id, "ids": [new_id() for _ in found],
                "origins": [template_id for template_id, _ in found],
                "vectors": [written(vector) for vector in vectors],
            },
        )  # fmt: skip
    return found[-1][0]


def _switch(operator_id: UUID, old: Contract, new: Contract, actor: str) -> Rotated | None:
    """Let the pending contract take the old one's place, with whatever was enrolled since; one transaction."""
    with operator_scope(operator_id):
        keep_still(operator_id)
        rows = {row.name: row for row in selectors.contracts(operator_id=operator_id)}
        now_old, now_new = rows[old.name], rows[new.name]
        if now_new.state != State.PENDING:  # another process was faster
            return None
        _carry(operator_id, now_old, now_new)
        state = now_old.state
        retire(now_old)
        now_new.state, now_new.replaces = state, ""
        now_new.save(update_fields=["state", "replaces"])
        bump(operator_id=operator_id, topic=Topic.GALLERY)
        templates = Template.objects.filter(operator_id=operator_id, contract=new.name).count()
        record(
            operator_id=operator_id, actor=actor, action="template_key.rotated", target=public_id("opr", operator_id),
            detail={"before": old.name, "after": new.name, "templates": templates},
        )  # fmt: skip
        return Rotated(old.name, new.name, templates)


def _deleted(operator_id: UUID, contract: str) -> int:
    with operator_scope(operator_id):
        mine = Template.objects.filter(operator_id=operator_id, contract=contract)
        ids = list(mine.order_by("id").values_list("id", flat=True)[:BATCH])
        return mine.filter(id__in=ids).delete()[0]
