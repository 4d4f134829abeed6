"""Keep an operator's budget of differential privacy. The database adds up, and refuses what is not left."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction

from audit.services import record
from core.ids import public_id
from privacy import selectors
from privacy.errors import BudgetSpent, UnknownBudgetEntry
from privacy.models import BudgetEntry, BudgetKind

WITHIN = "budget_spent_within_grants"
TWICE = "budgetentry_returns_id"


@transaction.atomic
def grant(*, operator_id: UUID, epsilon: Decimal, delta: Decimal, reason: str, actor: str, at: datetime) -> BudgetEntry:
    """Let an operator's trainings spend so much more, in all."""
    entry = BudgetEntry.objects.create(
        operator_id=operator_id, kind=BudgetKind.GRANT, epsilon=epsilon, delta=delta, reason=reason, actor=actor, at=at
    )
    return _recorded(entry)


@transaction.atomic
def spend(
    *,
    operator_id: UUID,
    epsilon: Decimal,
    delta: Decimal,
    reason: str,
    actor: str,
    at: datetime,
    run_id: UUID | None = None,
) -> BudgetEntry:
    """Spend before anything is learnt, so that two trainings can never spend the same.

    Raises:
        BudgetSpent: less is left; nothing was changed.
    """
    try:
        with transaction.atomic():
            entry = BudgetEntry.objects.create(
                operator_id=operator_id, kind=BudgetKind.SPEND, epsilon=epsilon, delta=delta, reason=reason,
                actor=actor, at=at, run_id=run_id,
            )  # fmt: skip
    except IntegrityError as error:
        if WITHIN not in str(error):
            raise
        left = selectors.budget_standing(operator_id=operator_id)
        raise BudgetSpent(
            f"Epsilon {epsilon:f} and delta {delta:f} were asked for, {left.left_epsilon.normalize():f} and"
            f" {left.left_delta.normalize():f} are left. Ask for less, or have more granted."
        ) from error
    return _recorded(entry)


@transaction.atomic
def give_back(*, operator_id: UUID, entry_id: UUID, reason: str, actor: str, at: datetime) -> BudgetEntry:
    """Give back what a training spent that released nothing: no model, no figure.

    Raises:
        UnknownBudgetEntry: it is no spending of this operator, or was given back already; nothing was changed.
    """
    spent = BudgetEntry.objects.filter(operator_id=operator_id, id=entry_id, kind=BudgetKind.SPEND).first()
    if spent is None:
        raise UnknownBudgetEntry(f"There is no spending {public_id(BudgetEntry.PREFIX, entry_id)}.")
    try:
        with transaction.atomic():
            entry = BudgetEntry.objects.create(
                operator_id=operator_id, kind=BudgetKind.RETURN, epsilon=spent.epsilon, delta=spent.delta,
                returns=spent, reason=reason, actor=actor, at=at, run_id=spent.run_id,
            )  # fmt: skip
    except IntegrityError as error:
        if TWICE not in str(error) and WITHIN not in str(error):
            raise
        raise UnknownBudgetEntry(f"{spent.public_id} was given back already.") from error
    return _recorded(entry)


def _recorded(entry: BudgetEntry) -> BudgetEntry:
    """Put an entry on record; the sums are the database's."""
    entry.refresh_from_db()
    record(
        operator_id=entry.operator_id, actor=entry.actor, action=f"privacy_budget.{entry.kind}",
        target=entry.public_id,
        detail={
            "epsilon": f"{entry.epsilon:f}", "delta": f"{entry.delta:f}", "spent_epsilon": f"{entry.spent_epsilon:f}",
            "granted_epsilon": f"{entry.granted_epsilon:f}",
        },
    )  # fmt: skip
    return entry
