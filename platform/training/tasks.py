"""Celery's doors to training.

``retrain`` and ``nightly`` run in the queue ``training``; ``sweep``, ``watch``, ``drift`` and ``explore`` in
``default``, since a long training must not delay the end of a canary that does harm.
"""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

import registry.selectors
from accounts.selectors import operator_ids
from core.tenancy import operator_scope
from training import exploration, folders, selectors, services
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


@shared_task(name="training.explore")
def explore() -> None:
    """Learn what each operator's log says about creatives beyond the scores of the rankers that decide."""
    for operator_id in operator_ids():
        with operator_scope(operator_id):
            exploration.learn_posteriors(operator_id=operator_id, at=timezone.now())


@shared_task(name="training.sweep")
def sweep() -> None:
    """Fail abandoned runs, send for waiting ones and delete what dead workers left."""
    for operator_id in operator_ids():
        with operator_scope(operator_id):
            services.sweep(operator_id=operator_id, at=timezone.now())
    folders.discard_leftovers(selectors.running_ids())


@shared_task(name="training.watch")
def watch() -> None:
    """Look at every model on trial: keep what was measured, roll back what does harm, promote what may be."""
    from training.watching import trials  # only workers that watch need the rankers' library

    for operator_id in registry.selectors.watched_operators():
        with operator_scope(operator_id):
            trials.watch(operator_id=operator_id, at=timezone.now())


@shared_task(name="training.drift")
def drift() -> None:
    """Compare what every champion sees with what it learnt from, and raise or resolve alerts."""
    from training.watching import champions

    for operator_id in registry.selectors.watched_operators():
        with operator_scope(operator_id):
            champions.watch(operator_id=operator_id, at=timezone.now())
