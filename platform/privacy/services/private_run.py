"""Trainings with differential privacy: the budget is spent first, and given back only if nothing came of it."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

import training.selectors
import training.services
from privacy import selectors
from privacy.models import BudgetEntry
from privacy.services.budget import give_back, spend

ACTOR = "system:privacy"


@transaction.atomic
def request_private_run(
    *, operator_id: UUID, network: str, epsilon: Decimal, delta: Decimal, actor: str, at: datetime
) -> BudgetEntry:
    """Spend part of the budget on a training and ask for it; the entry names the run.

    Raises:
        BudgetSpent: less is left; no training is asked for.
        RunWaits: another training waits already; nothing is spent.
    """
    run = training.services.request_private_run(
        operator_id=operator_id, network=network, epsilon=float(epsilon), delta=float(delta), actor=actor
    )
    return spend(
        operator_id=operator_id, epsilon=epsilon, delta=delta, reason=f"training of {network}", actor=actor, at=at,
        run_id=run.id,
    )  # fmt: skip


@transaction.atomic
def return_unused(*, operator_id: UUID, at: datetime) -> int:
    """Give back what failed trainings have spent, since nothing of them was released; return how many entries."""
    spent = {entry.run_id: entry for entry in selectors.unreturned_spendings(operator_id=operator_id) if entry.run_id}
    failed = training.selectors.failed(operator_id=operator_id, run_ids=spent)
    for run_id in failed:
        give_back(
            operator_id=operator_id, entry_id=spent[run_id].id, reason="the training ended without a model",
            actor=ACTOR, at=at,
        )  # fmt: skip
    return len(failed)
