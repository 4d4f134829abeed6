"""Celery's doors to the catalogue; queue ``default``."""

import logging
from uuid import UUID

from celery import shared_task

from accounts.selectors import operator_ids
from catalog import services
from core.tenancy import operator_scope

logger = logging.getLogger(__name__)


@shared_task(name="catalog.look")
def look(operator_id: str) -> None:
    """Describe an operator's pictures that wait for it."""
    _look(UUID(operator_id))


@shared_task(name="catalog.sweep")
def sweep() -> None:
    """Describe the pictures of every operator that wait for it: their message was lost, or the vision is another one.

    One operator's trouble does not keep the others waiting.
    """
    for operator_id in operator_ids():
        try:
            _look(operator_id)
        except Exception:
            logger.exception("The pictures of operator %s could not be described", operator_id)


def _look(operator_id: UUID) -> None:
    """Go through the pictures in short transactions."""
    after: UUID | None = None
    while True:
        with operator_scope(operator_id):
            after = services.look_at_media(operator_id=operator_id, after=after)
        if after is None:
            return
