"""Celery's doors to training. ``retrain`` and ``nightly`` run in the queue ``training``, ``sweep`` in ``default``."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from accounts.selectors import operator_ids
from core.tenancy import operator_scope
from training import folders, selectors, services
from training.models import Trigger


@shared_task(name="training.retrain")
def retrain(run_id: str) -> None:
    """Carry out one run."""
    from training import pipeline  # trainers have its libraries, other workers read this module as well

    operator_id = selectors.operator_of(UUID(run_id))
    if operator_id is not None:
        pipeline.run(operator_id=operator_id, run_id=UUID(run_id))


@shared_task(name="training.nightly")
def nightly() -> None:
    """Ask for a training of every operator."""
    for operator_id in operator_ids():
        with operator_scope(operator_id):
            services.request_run(operator_id=operator_id, trigger=Trigger.NIGHTLY, actor="system:beat")


@shared_task(name="training.sweep")
def sweep() -> None:
    """Fail abandoned runs, send for waiting ones and delete what dead workers left."""
    for operator_id in operator_ids():
        with operator_scope(operator_id):
            services.sweep(operator_id=operator_id, at=timezone.now())
    folders.discard_leftovers(selectors.running_ids())
