"""Work for later: enqueue a task once the current transaction commits."""

import logging
from functools import partial
from typing import Any

import kombu.exceptions
import redis.exceptions
from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)


def enqueue(task: str, *args: Any) -> None:
    """Run the task called ``task`` once the current transaction commits.

    The row that asks for the work is the truth, the message only a hint: when the broker is down the message is
    dropped with a warning, and the periodic sweep of the owning app picks the row up.
    """
    transaction.on_commit(partial(_send, task, args))


def _send(task: str, args: tuple[Any, ...]) -> None:
    try:
        current_app.signature(task, args=args).apply_async(retry=False)
    except (kombu.exceptions.OperationalError, redis.exceptions.RedisError, OSError) as error:
        logger.warning("The broker is down, %s waits for the next sweep: %s", task, type(error).__name__)
