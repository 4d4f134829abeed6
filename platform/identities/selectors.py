"""Read templates, always together with the consent that lets them match."""

import io
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from faceid.minor import Minors
from faceid.search.columns import EVERYWHERE, Columns
from identities.models import Contract, EnrolmentPolicy, State, Supervision, Template

_COPY_HEAD, _COPY_TAIL = 19, 2
"""Bytes around the rows of PostgreSQL's binary COPY (manual, COPY, "Binary Format")."""

_COPIED = np.dtype(
    [
        ("fields", ">i2"), ("l1", ">i4"), ("id", "u1", 16), ("l2", ">i4"), ("subject", "u1", 16), ("l3", ">i4"),
        ("until", ">i8"), ("l4", ">i4"), ("venue", "u1", 16),
    ]
)  # fmt: skip
"""One row: each field after its length; times are microseconds since 2000."""

_EPOCH = 946_684_800_000_000
"""Microseconds from 1970 to 2000."""

_NEVER = np.iinfo(np.int64).max
"""What PostgreSQL writes for infinity."""

_NO_VENUE = UUID(int=0)
"""Stands for NULL, so that all rows are equally long."""

_HEADER = 4
"""Bytes before the numbers in pgvector's binary form: dimension and padding, two bytes each."""


class Term(NamedTuple):
    """Whose a template is, and where and until when it may match."""

    subject_id: UUID
    expires_at: datetime
    venue_id: UUID | None


def terms(*, operator_id: UUID, contract: str) -> dict[UUID, Term]:
    """Return the terms of every template under this contract whose subject consents to be recognised (one query)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT template.id, template.subject_id, live.expires_at, live.venue_id"
            " FROM identities_template template JOIN subjects_recognisable live"
            " ON live.subject_id = template.subject_id AND live.operator_id = template.operator_id"
            " WHERE template.operator_id = %s AND template.contract = %s",
            [operator_id, contract],
        )
        return {row[0]: Term(*row[1:]) for row in cursor.fetchall()}


def term_columns(*, operator_id: UUID, contract: str) -> Columns:
    """Return the same as columns by key, without vectors: a million rows cost no Python objects (one query)."""
    with connection.cursor() as cursor:
        query = cursor.mogrify(
            "SELECT template.id, template.subject_id, live.expires_at, coalesce(live.venue_id, %s)"
            " FROM identities_template template JOIN subjects_recognisable live"
            " ON live.subject_id = template.subject_id AND live.operator_id = template.operator_id"
            " WHERE template.operator_id = %s AND template.contract = %s ORDER BY template.id",
            [_NO_VENUE, operator_id, contract],
        )
        copied = io.BytesIO()
        cursor.copy_expert(b"COPY (" + query + b") TO STDOUT (FORMAT binary)", copied)
    body = copied.getbuffer()[_COPY_HEAD:-_COPY_TAIL]
    rows = np.frombuffer(body, dtype=_COPIED)
    until = rows["until"].astype(np.int64)
    venues, areas = np.unique(_texts(rows["venue"]), return_inverse=True)
    names = [venue.decode() for venue in venues.tolist()]
    numbers = np.array([EVERYWHERE if name == str(_NO_VENUE) else number for number, name in enumerate(names)])
    return Columns(
        keys=_texts(rows["id"]),
        subjects=_texts(rows["subject"]),
        vectors=np.empty((len(rows), 0), dtype=np.float32),
        valid_until=np.where(until == _NEVER, np.inf, (until + _EPOCH) / 1e6),
        areas=(numbers[areas.reshape(-1)] if names else np.empty(0)).astype(np.int32),
        venue_sets=tuple(frozenset({name}) for name in names),
    )


def _texts(ids: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Write UUIDs, uint8, shape (n, 16), as texts."""
    digits = np.frombuffer(ids.tobytes().hex().encode(), dtype=np.uint8).reshape(-1, 32)
    texts = np.full((len(ids), 36), ord("-"), dtype=np.uint8)
    for begin, end, at in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        texts[:, at : at + end - begin] = digits[:, begin:end]
    column: NDArray[np.bytes_] = texts.view("S36").reshape(-1)
    return column


def vectors(*, operator_id: UUID, template_ids: Sequence[UUID]) -> dict[UUID, NDArray[np.float32]]:
    """Return the protected unit vectors of templates, float32, shape (dimension,)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, vector_send(embedding) FROM identities_template"
            " WHERE operator_id = %s AND id = ANY(%s::uuid[])",
            [operator_id, list(template_ids)],
        )
        return {
            row[0]: np.frombuffer(row[1], dtype=">f4", offset=_HEADER).astype(np.float32) for row in cursor.fetchall()
        }


def count_under(*, operator_id: UUID, contract: str, limit: int) -> int:
    """Return how many templates an operator has under a contract; counting stops at ``limit``."""
    return Template.objects.filter(operator_id=operator_id, contract=contract)[:limit].count()


def count(*, operator_id: UUID) -> int:
    """Return how many templates an operator has."""
    return Template.objects.filter(operator_id=operator_id).count()


def count_subjects(*, operator_id: UUID, contract: str) -> int:
    """Return how many subjects have a template under a contract."""
    mine = Template.objects.filter(operator_id=operator_id, contract=contract)
    return mine.values("subject_id").distinct().count()


def contracts(*, operator_id: UUID) -> list[Contract]:
    """Return the contracts of an operator, oldest first."""
    return list(Contract.objects.filter(operator_id=operator_id).order_by("id"))


def has_template(*, operator_id: UUID, subject_id: UUID, contract: str) -> bool:
    """Return whether a subject has a template under a contract."""
    return Template.objects.filter(operator_id=operator_id, subject_id=subject_id, contract=contract).exists()


def uncarried(
    *, operator_id: UUID, contract: str, to: str, after: UUID, limit: int
) -> list[tuple[UUID, NDArray[np.float32]]]:
    """Return (template, vector) of templates with a live consent that a rotation has not carried over yet.

    Args:
        after: id of the last template of the batch before, so that no batch looks at the ones before it again.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT template.id, vector_send(template.embedding)"
            " FROM identities_template template JOIN subjects_recognisable live"
            " ON live.subject_id = template.subject_id AND live.operator_id = template.operator_id"
            " WHERE template.operator_id = %(operator_id)s AND template.contract = %(contract)s"
            " AND template.id > %(after)s"
            " AND live.expires_at > clock_timestamp() AND NOT EXISTS (SELECT FROM identities_template carried"
            " WHERE carried.contract = %(to)s AND carried.origin_id = template.id)"
            " ORDER BY template.id LIMIT %(limit)s",
            {"operator_id": operator_id, "contract": contract, "to": to, "after": after, "limit": limit},
        )
        return [
            (row[0], np.frombuffer(row[1], dtype=">f4", offset=_HEADER).astype(np.float32)) for row in cursor.fetchall()
        ]


class Move(NamedTuple):
    """How far an operator's move to another recogniser has come.

    Attributes:
        before, after: names of the active and of the next contract.
        moved: people who can be recognised under the next contract.
        waiting: people with a template under the active one only.
        due_at: when the move ends anyhow.
    """

    before: str
    after: str
    moved: int
    waiting: int
    due_at: datetime | None


def move(*, operator_id: UUID) -> Move | None:
    """Return how far an operator's move has come; None when there is none. Only live consents count."""
    rows = {row.state: row for row in contracts(operator_id=operator_id)}
    if State.ACTIVE not in rows or State.NEXT not in rows:
        return None
    active, following = rows[State.ACTIVE], rows[State.NEXT]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE moved), count(*) FILTER (WHERE NOT moved) FROM ("
            " SELECT bool_or(template.contract = %(following)s) AS moved"
            " FROM identities_template template JOIN subjects_recognisable live"
            " ON live.subject_id = template.subject_id AND live.operator_id = template.operator_id"
            " WHERE template.operator_id = %(operator_id)s AND template.contract IN (%(active)s, %(following)s)"
            " AND live.expires_at > clock_timestamp() GROUP BY template.subject_id) AS person",
            {"operator_id": operator_id, "active": active.name, "following": following.name},
        )
        moved, waiting = cursor.fetchone()
        return Move(active.name, following.name, moved, waiting, following.due_at)


def enrolment_policy(*, operator_id: UUID) -> EnrolmentPolicy:
    """Return whom an operator enrols and how; an unsaved row of the defaults where they never chose."""
    return EnrolmentPolicy.objects.filter(operator_id=operator_id).first() or EnrolmentPolicy(operator_id=operator_id)


def supervision(*, operator_id: UUID) -> Supervision:
    """Return how an operator enrols."""
    return Supervision(enrolment_policy(operator_id=operator_id).supervision)


def minors(*, operator_id: UUID) -> Minors:
    """Return whether an operator lets apparent minors be anonymous."""
    return Minors(enrolment_policy(operator_id=operator_id).minors)


def enrolled(*, operator_id: UUID, subject_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the subjects who have a template."""
    found = Template.objects.filter(operator_id=operator_id, subject_id__in=subject_ids)
    return set(found.values_list("subject_id", flat=True))


def templates_of(*, operator_id: UUID, subject_id: UUID) -> list[Template]:
    """Return a subject's templates without their vectors, oldest first; a rotation's second copies are left out."""
    unseen = Contract.objects.filter(operator_id=operator_id, state__in=[State.PENDING, State.RETIRED])
    mine = Template.objects.filter(operator_id=operator_id, subject_id=subject_id)
    return list(mine.exclude(contract__in=unseen.values("name")).defer("embedding").order_by("id"))
