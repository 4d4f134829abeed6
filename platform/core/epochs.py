"""Epochs: one query tells a process whether its in-memory copies are still true.

A writer bumps the topic in the transaction of its change; a reader that sees the same version may use what it holds.
"""

from enum import StrEnum
from uuid import UUID

from django.db import connection

from core.questions import Question, ask
from core.statements import Statement

_VERSIONS = Statement("epoch_versions", ("uuid",), "SELECT topic, version FROM core_epoch WHERE operator_id = $1")


class Topic(StrEnum):
    """What in-memory copies are made of."""

    CONSENT = "consent"
    GALLERY = "gallery"
    CATALOG = "catalog"
    SIGNAGE = "signage"
    MODELS = "models"
    EXPLORATION = "exploration"


def bump(*, operator_id: UUID, topic: Topic) -> None:
    """Tell every process that ``topic`` changed, as soon as the current transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_epoch (operator_id, topic, version) VALUES (%s, %s, 1)"
            " ON CONFLICT (operator_id, topic) DO UPDATE SET version = core_epoch.version + 1",
            [operator_id, topic.value],
        )


def versions(*, operator_id: UUID) -> dict[str, int]:
    """Return the version of every topic (one query); a topic that never changed is missing and counts as 0."""
    [found] = ask(of_versions(operator_id=operator_id))
    return found


def of_versions(*, operator_id: UUID) -> Question[dict[str, int]]:
    """Return the question that `versions` asks, to be asked along with others."""
    return Question(_VERSIONS, [operator_id], dict)
