"""Read templates, always together with the consent that lets them match."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from identities.models import Contract, EnrolmentPolicy, State, Supervision, Template

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


def count(*, operator_id: UUID) -> int:
    """Return how many templates an operator has."""
    return Template.objects.filter(operator_id=operator_id).count()


def contracts(*, operator_id: UUID) -> list[Contract]:
    """Return the contracts of an operator, oldest first."""
    return list(Contract.objects.filter(operator_id=operator_id).order_by("id"))


def has_template(*, operator_id: UUID, subject_id: UUID, contract: str) -> bool:
    """Return whether a subject has a template under a contract."""
    return Template.objects.filter(operator_id=operator_id, subject_id=subject_id, contract=contract).exists()


def uncarried(*, operator_id: UUID, contract: str, to: str, limit: int) -> list[tuple[UUID, UUID, NDArray[np.float32]]]:
    """Return (template, subject, vector) of templates with a live consent that a rotation has not carried over yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT template.id, template.subject_id, vector_send(template.embedding)"
            " FROM identities_template template JOIN subjects_recognisable live"
            " ON live.subject_id = template.subject_id AND live.operator_id = template.operator_id"
            " WHERE template.operator_id = %(operator_id)s AND template.contract = %(contract)s"
            " AND live.expires_at > clock_timestamp() AND NOT EXISTS (SELECT FROM identities_template carried"
            " WHERE carried.contract = %(to)s AND carried.origin_id = template.id)"
            " ORDER BY template.id LIMIT %(limit)s",
            {"operator_id": operator_id, "contract": contract, "to": to, "limit": limit},
        )
        return [
            (row[0], row[1], np.frombuffer(row[2], dtype=">f4", offset=_HEADER).astype(np.float32))
            for row in cursor.fetchall()
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


def supervision(*, operator_id: UUID) -> Supervision:
    """Return how an operator enrols."""
    chosen = EnrolmentPolicy.objects.filter(operator_id=operator_id).values_list("supervision", flat=True).first()
    return Supervision(chosen or Supervision.UNATTENDED)


def enrolled(*, operator_id: UUID, subject_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the subjects who have a template."""
    found = Template.objects.filter(operator_id=operator_id, subject_id__in=subject_ids)
    return set(found.values_list("subject_id", flat=True))


def templates_of(*, operator_id: UUID, subject_id: UUID) -> list[Template]:
    """Return a subject's templates without their vectors, oldest first; a rotation's second copies are left out."""
    unseen = Contract.objects.filter(operator_id=operator_id, state__in=[State.PENDING, State.RETIRED])
    mine = Template.objects.filter(operator_id=operator_id, subject_id=subject_id)
    return list(mine.exclude(contract__in=unseen.values("name")).defer("embedding").order_by("id"))
