"""Celery's doors to privacy; queue ``interactive``."""

import logging
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from accounts.selectors import operator_ids
from core.tenancy import operator_scope
from privacy import selectors, services

logger = logging.getLogger(__name__)


@shared_task(name="privacy.erase")
def erase(request_id: str) -> None:
    """Carry out the erasure that a rights request asks for."""
    operator_id = selectors.operator_of(UUID(request_id))
    if operator_id is not None:
        services.carry_out(operator_id=operator_id, request_id=UUID(request_id), at=timezone.now())


@shared_task(name="privacy.sweep")
def sweep() -> None:
    """End what has expired, for every operator; one operator's trouble does not keep the others waiting."""
    for operator_id in operator_ids():
        try:
            with operator_scope(operator_id):
                services.sweep(operator_id=operator_id, at=timezone.now())
        except Exception:
            logger.exception("The sweep of operator %s failed", operator_id)
