"""Move an operator to another recogniser without a single stored picture.

For a while two contracts live side by side. Whoever enrols gets a template under both. Whoever is recognised under the
old one beyond doubt, in a capture good enough to enrol with, gets their template renewed from that same frame; their
consent goes on unchanged, the ledger needs no entry, the audit log gets one. When everybody was seen, or the day has
come, the old templates and their key go; who was not seen until then has to enrol again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import IntegrityError, connection, transaction
from numpy.typing import NDArray

import subjects.selectors
from audit.services import record
from core.epochs import Topic, bump
from core.ids import public_id
from core.tenancy import operator_scope
from core.times import utc
from faceid.match import IMPOSTOR_MARGIN, THRESHOLD_DEFAULT, THRESHOLD_STRICT
from faceid.protect import Protection
from faceid.quality import ENROLMENT
from faceid.rules import Figures, failed
from identities import selectors
from identities.errors import MigrationRefused
from identities.faces import Space, Spaces, read, row_of
from identities.keys import store
from identities.models import Contract, Occasion, State, Template
from identities.pgvector_engine import PgvectorEngine
from identities.pipelines import pipelines
from identities.services.enrolment import figures_of
from identities.services.rotation import keep_still, put_on_record, retire, tidy
from subjects.purposes import Purpose

RENEWAL_ABOVE = THRESHOLD_STRICT - THRESHOLD_DEFAULT + 2 * IMPOSTOR_MARGIN
"""How far above the threshold of recognition a score must lie to renew a template."""

RENEWAL_MARGIN = 2 * IMPOSTOR_MARGIN
"""How far above the second-best subject it must lie."""


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One face that was recognised under the old contract.

    Attributes:
        score: cosine to the subject's template.
        runner_up: cosine to the nearest template of anybody else; -1 when there is nobody else.
        figures: quality of the capture.
        threshold: from which score on the old contract recognises.
        vector: the face under the next contract, protected.
    """

    subject_id: UUID
    score: float
    runner_up: float
    figures: Figures
    vector: NDArray[np.float32] = field(repr=False)
    threshold: float = THRESHOLD_DEFAULT


@dataclass(frozen=True, slots=True)
class Finished:
    """How a move ended: people who can be recognised under the new contract, and people who must enrol again."""

    moved: int
    left_behind: int


def begin_migration(*, operator_id: UUID, notice_version: int, due_at: datetime | None, actor: str) -> str:
    """Begin to move an operator to the other configured recogniser; return the name of the next contract.

    Args:
        notice_version: first version of the operator's notice that says that a template may be renewed when the
            software changes; only who consented under it or a later one is renewed.
        due_at: when to finish whoever was seen by then; None to wait for everybody.

    Raises:
        MigrationRefused: a move is under way, a rotation is unfinished, or no other recogniser is configured.
        ProtectionKeyLost: the operator's key is gone, or was destroyed.
    """
    with operator_scope(operator_id):
        keep_still(operator_id)
        spaces = read(operator_id)
        put_on_record(operator_id, spaces)
        rows = selectors.contracts(operator_id=operator_id)
        if any(row.state in (State.NEXT, State.PENDING) for row in rows):
            raise MigrationRefused("A move or a rotation of the key is under way. Finish it first.")
        space = _other(spaces, operator_id)
        row = row_of(space, operator_id, state=State.NEXT, notice_version=notice_version, due_at=due_at)
        row.save()
        _noted(operator_id, actor, "begun", {
            "from": spaces.active.id, "to": row.name, "notice_version": notice_version,
            "due_at": utc(due_at) if due_at else None,
        })  # fmt: skip
        return row.name


def renew(
    *, operator_id: UUID, spaces: Spaces, sightings: Sequence[Sighting], venue_id: UUID, at: datetime
) -> list[UUID]:
    """Renew the templates of those who were recognised beyond doubt; return whose were.

    The caller has confirmed a live consent to be recognised at this venue; the database refuses a template without
    one. Nothing happens for sightings that are not strong enough, or while an operator is not moving.
    """
    if spaces.next is None:
        return []
    strong = [one for one in sightings if _is_strong(one)]
    return [one.subject_id for one in strong if _renewed(operator_id, spaces, spaces.next, one, venue_id, at)]


def finish_migration(*, operator_id: UUID, actor: str, at: datetime, force: bool = False) -> Finished:
    """End a move: the next contract becomes the active one, the old templates and their key go.

    Args:
        force: also when people with a live consent were not seen yet and the day has not come.

    Raises:
        MigrationRefused: there is no move, or people are still waiting.
    """
    with operator_scope(operator_id):
        keep_still(operator_id)
        old, new = _under_way(operator_id)
        move = selectors.move(operator_id=operator_id)
        assert move is not None
        if move.waiting and not force and (move.due_at is None or at < move.due_at):
            raise MigrationRefused(f"{move.waiting} people have not been seen yet; they would have to enrol again.")
        retire(old)
        new.state = State.ACTIVE
        new.due_at, new.notice_version = None, None
        new.save(update_fields=["state", "due_at", "notice_version"])
        _noted(operator_id, actor, "finished", {
            "from": old.name, "to": new.name, "moved": move.moved, "left_behind": move.waiting,
        })  # fmt: skip
        tidy(operator_id=operator_id)
    return Finished(move.moved, move.waiting)


def cancel_migration(*, operator_id: UUID, actor: str) -> None:
    """Go back to the old contract alone; templates under the next one and their key go. Nobody has to enrol again.

    Raises:
        MigrationRefused: there is no move.
    """
    with operator_scope(operator_id):
        keep_still(operator_id)
        old, new = _under_way(operator_id)
        retire(new)
        _noted(operator_id, actor, "cancelled", {"from": old.name, "to": new.name})
        tidy(operator_id=operator_id)


def sweep(*, operator_id: UUID, at: datetime) -> Finished | None:
    """Finish a move that is due or complete, and see that what retired contracts left goes; return how it ended."""
    with operator_scope(operator_id):
        tidy(operator_id=operator_id)
        move = selectors.move(operator_id=operator_id)
        if move is None or not _is_over(move, at):
            return None
        return finish_migration(operator_id=operator_id, actor="identities.sweep", at=at)


def _is_over(move: selectors.Move, at: datetime) -> bool:
    complete = move.moved > 0 and move.waiting == 0
    return complete or (move.due_at is not None and at >= move.due_at)


def _other(spaces: Spaces, operator_id: UUID) -> Space:
    """Return a new space, with a key of its own, of the configured recogniser the operator does not use."""
    present = spaces.active.pipeline.contract()
    for candidate in pipelines():
        if candidate.contract() != present:
            key = Protection.generate(candidate.manifest.dimension)
            store().add(operator_id, key)
            return Space(candidate, key)
    raise MigrationRefused("No other recogniser is configured. Set VITRINE_FACE_MODELS_NEXT to its directory.")


def _under_way(operator_id: UUID) -> tuple[Contract, Contract]:
    rows = {row.state: row for row in selectors.contracts(operator_id=operator_id)}
    if State.ACTIVE not in rows or State.NEXT not in rows:
        raise MigrationRefused("This operator is not moving to another recogniser.")
    if State.PENDING in rows:
        raise MigrationRefused("A rotation of the key is unfinished. Run it again first.")
    return rows[State.ACTIVE], rows[State.NEXT]


def _is_strong(sighting: Sighting) -> bool:
    return (
        sighting.score >= sighting.threshold + RENEWAL_ABOVE
        and sighting.score - sighting.runner_up >= RENEWAL_MARGIN
        and not failed(sighting.figures, ENROLMENT)
    )


def _renewed(
    operator_id: UUID, spaces: Spaces, following: Space, sighting: Sighting, venue_id: UUID, at: datetime
) -> bool:
    """Store one template under the next contract, unless there is one or somebody else's is too near."""
    person = {"operator_id": operator_id, "subject_id": sighting.subject_id}
    if selectors.has_template(**person, contract=following.id) or not _explained(spaces, sighting, operator_id):
        return False
    try:
        with transaction.atomic():
            _one_at_a_time(sighting.subject_id)
            if selectors.has_template(**person, contract=following.id) or _is_moving(operator_id) != following.id:
                return False
            near = PgvectorEngine(operator_id, following.id).nearest(
                sighting.vector[None, :], k=1, threshold=THRESHOLD_STRICT, at=at, venue=str(venue_id)
            )  # fmt: skip
            if near[0]:
                return False
            _store(operator_id, following, sighting)
    except IntegrityError:  # the consent was withdrawn at this very moment
        return False
    return True


def _store(operator_id: UUID, following: Space, sighting: Sighting) -> None:
    template = Template.objects.create(
        operator_id=operator_id, subject_id=sighting.subject_id, contract=following.id, embedding=sighting.vector,
        quality=figures_of(sighting.figures), occasion=Occasion.RENEWAL,
    )  # fmt: skip
    bump(operator_id=operator_id, topic=Topic.GALLERY)
    record(
        operator_id=operator_id, actor="identities.recognise", action="template.renewed",
        target=public_id("sub", sighting.subject_id),
        detail={"template": template.public_id, "contract": following.id},
    )  # fmt: skip


def _explained(spaces: Spaces, sighting: Sighting, operator_id: UUID) -> bool:
    """Return whether the notice the subject consented under says that a template may be renewed."""
    ledger = subjects.selectors.ledger_of(operator_id=operator_id, subject_id=sighting.subject_id)
    informed = [entry.notice.version for entry in ledger if entry.purpose == Purpose.RECOGNISE and entry.notice]
    return bool(informed) and spaces.notice_version is not None and informed[-1] >= spaces.notice_version


def _is_moving(operator_id: UUID) -> str:
    """Return the next contract's name as the database has it now, so that no template comes after the end of a move."""
    rows = Contract.objects.select_for_update().filter(operator_id=operator_id, state=State.NEXT)
    return rows.values_list("name", flat=True).first() or ""


def _one_at_a_time(subject_id: UUID) -> None:
    with connection.cursor() as cursor:  # two screens that see the same person at once
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('renew:' || %s, 0))", [str(subject_id)])


def _noted(operator_id: UUID, actor: str, what: str, detail: dict[str, object]) -> None:
    bump(operator_id=operator_id, topic=Topic.GALLERY)
    record(
        operator_id=operator_id, actor=actor, action=f"recogniser_move.{what}", target=public_id("opr", operator_id),
        detail=detail,
    )  # fmt: skip
