"""Read templates, always together with the consent that lets them match."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from identities.models import Template

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


def enrolled(*, operator_id: UUID, subject_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the subjects who have a template."""
    found = Template.objects.filter(operator_id=operator_id, subject_id__in=subject_ids)
    return set(found.values_list("subject_id", flat=True))


def templates_of(*, operator_id: UUID, subject_id: UUID) -> list[Template]:
    """Return a subject's templates without their vectors."""
    return list(Template.objects.filter(operator_id=operator_id, subject_id=subject_id).defer("embedding"))
