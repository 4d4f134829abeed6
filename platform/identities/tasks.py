"""Celery's door to identities."""

import logging

from celery import shared_task
from django.utils import timezone

from accounts.selectors import operator_ids
from identities import services

logger = logging.getLogger(__name__)


@shared_task(name="identities.sweep")
def sweep() -> None:
    """Finish moves that are due and destroy retired keys; one operator's trouble does not keep the others waiting."""
    for operator_id in operator_ids():
        try:
            services.sweep(operator_id=operator_id, at=timezone.now())
        except Exception:
            logger.exception("The sweep of operator %s failed", operator_id)
