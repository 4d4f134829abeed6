"""The budget of differential privacy: what is spent never exceeds what was granted, whoever writes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

import training.services
from accounts.models import Operator
from accounts.roles import Scope
from accounts.services import issue_api_key
from audit.models import Entry
from core.tenancy import operator_scope
from privacy import selectors, services
from privacy.errors import BudgetSpent, UnknownBudgetEntry
from privacy.models import BudgetEntry
from training.errors import RunWaits
from training.models import Run

SOME = Decimal("0.00001")


@pytest.fixture
def budget(operator: Operator, at: datetime) -> Any:
    """Grant, spend and give back in one word."""

    def call(kind: str, epsilon: str, delta: Decimal = Decimal(0), **more: Any) -> BudgetEntry:
        terms = {"operator_id": operator.id, "reason": "r", "actor": "member:officer", "at": at, **more}
        found: BudgetEntry = getattr(services, kind)(epsilon=Decimal(epsilon), delta=delta, **terms)
        return found

    return call


def _sums(operator: Operator) -> tuple[Decimal, Decimal]:
    standing = selectors.budget_standing(operator_id=operator.id)
    return standing.granted_epsilon, standing.spent_epsilon


def test_before_the_first_grant_nothing_can_be_spent(operator: Operator, budget: Any) -> None:
    with pytest.raises(BudgetSpent, match="0 and 0 are left"):
        budget("spend", "0.1")

    assert _sums(operator) == (0, 0)
    assert not BudgetEntry.objects.exists()


def test_grants_and_spendings_add_up_and_are_on_record(operator: Operator, budget: Any) -> None:
    budget("grant", "2", SOME)
    budget("grant", "1", SOME)
    spent = budget("spend", "2.5", SOME)

    assert _sums(operator) == (3, Decimal("2.5"))
    assert selectors.budget_standing(operator_id=operator.id).left_delta == SOME
    assert [entry.number for entry in BudgetEntry.objects.order_by("number")] == [1, 2, 3]
    last = Entry.objects.order_by("-id").first()
    assert last is not None
    assert (last.action, last.target) == ("privacy_budget.spend", spent.public_id)


@pytest.mark.parametrize(("epsilon", "delta"), [("1.000000000001", SOME), ("1", SOME + Decimal("0.000000000001"))])
def test_what_is_not_left_is_refused_and_changes_nothing(
    operator: Operator, budget: Any, epsilon: str, delta: Decimal
) -> None:
    budget("grant", "1", SOME)
    audited = Entry.objects.count()

    with pytest.raises(BudgetSpent, match="are left"):
        budget("spend", epsilon, delta)

    assert _sums(operator) == (1, 0)
    assert Entry.objects.count() == audited
    budget("spend", "1", SOME)  # all of it, to the last digit
    assert _sums(operator) == (1, 1)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["grant", "spend"]), st.integers(1, 50)), max_size=12))
def test_no_order_of_entries_overspends(operator: Operator, budget: Any, entries: list[tuple[str, int]]) -> None:
    with transaction.atomic():
        granted = spent = Decimal(0)
        for kind, tenths in entries:
            amount = Decimal(tenths) / 10
            if kind == "grant":
                budget("grant", str(amount))
                granted += amount
            elif amount > granted - spent:
                with pytest.raises(BudgetSpent):
                    budget("spend", str(amount))
            else:
                budget("spend", str(amount))
                spent += amount
            assert _sums(operator) == (granted, spent)
        transaction.set_rollback(True)


def test_a_spending_is_given_back_once(operator: Operator, budget: Any, at: datetime) -> None:
    budget("grant", "1")
    spent = budget("spend", "0.75")
    terms = {"operator_id": operator.id, "reason": "r", "actor": "a", "at": at}

    services.give_back(entry_id=spent.id, **terms)

    assert _sums(operator) == (1, 0)
    with pytest.raises(UnknownBudgetEntry, match="given back already"):
        services.give_back(entry_id=spent.id, **terms)
    with pytest.raises(UnknownBudgetEntry, match="no spending"):
        services.give_back(entry_id=uuid4(), **terms)
    assert _sums(operator) == (1, 0)


@pytest.mark.parametrize("statement", ["UPDATE privacy_budgetentry SET epsilon = 9", "DELETE FROM privacy_budgetentry"])
def test_the_ledger_is_append_only(budget: Any, statement: str) -> None:
    budget("grant", "1")

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_database_adds_up_by_itself(operator: Operator, budget: Any, at: datetime) -> None:
    """Sums that somebody writes are not believed."""
    budget("grant", "1")
    claimed = {"granted_epsilon": 100, "spent_epsilon": 0, "number": 77, "operator_id": operator.id, "at": at}

    with pytest.raises(IntegrityError, match="budget_spent_within_grants"), transaction.atomic():
        BudgetEntry.objects.create(kind="spend", epsilon=2, delta=0, reason="r", actor="a", **claimed)
    entry = BudgetEntry.objects.create(kind="spend", epsilon=1, delta=0, reason="r", actor="a", **claimed)

    entry.refresh_from_db()
    assert (entry.number, entry.granted_epsilon, entry.spent_epsilon) == (2, 1, 1)


def test_a_return_cannot_give_back_more_than_was_spent(operator: Operator, budget: Any, at: datetime) -> None:
    budget("grant", "5")
    spent = budget("spend", "1")
    more = {"operator_id": operator.id, "reason": "r", "actor": "a", "at": at}

    with pytest.raises(IntegrityError, match="gives back exactly"), transaction.atomic():
        BudgetEntry.objects.create(kind="return", epsilon=2, delta=0, returns=spent, **more)
    with pytest.raises(IntegrityError), transaction.atomic():
        BudgetEntry.objects.create(kind="return", epsilon=1, delta=0, **more)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_cannot_spend_the_same(other_operator: Operator, at: datetime) -> None:
    amount = {"operator_id": other_operator.id, "delta": Decimal(0), "reason": "r", "actor": "a", "at": at}
    with operator_scope(other_operator.id):
        services.grant(epsilon=Decimal(1), **amount)
    together = Barrier(2)

    def spend(_: int) -> str:
        try:
            together.wait(timeout=60)
            with operator_scope(other_operator.id):
                services.spend(epsilon=Decimal("0.6"), **amount)
            return "spent"
        except BudgetSpent:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(spend, range(2)))

    assert sorted(outcomes) == ["refused", "spent"]
    with operator_scope(other_operator.id):
        assert _sums(other_operator) == (1, Decimal("0.6"))


def test_a_private_run_is_refused_when_the_budget_is_spent(operator: Operator, budget: Any, at: datetime) -> None:
    budget("grant", "1", SOME)
    asked = {"operator_id": operator.id, "network": "logistic", "delta": SOME, "actor": "a", "at": at}

    with pytest.raises(BudgetSpent):
        services.request_private_run(epsilon=Decimal(2), **asked)

    assert not Run.objects.exists()
    assert _sums(operator) == (1, 0)
    entry = services.request_private_run(epsilon=Decimal(1), **asked)
    run = Run.objects.get(id=entry.run_id)
    assert run.terms == {"network": "logistic", "epsilon": 1.0, "delta": 1e-05}


def test_a_run_that_waits_already_spends_nothing(operator: Operator, budget: Any, at: datetime) -> None:
    budget("grant", "1", SOME)
    training.services.request_run(operator_id=operator.id, trigger="demand", actor="a")

    with pytest.raises(RunWaits):
        services.request_private_run(
            operator_id=operator.id, network="fm", epsilon=Decimal(1), delta=SOME, actor="a", at=at
        )

    assert _sums(operator) == (1, 0)
    assert [run.terms for run in Run.objects.all()] == [{}]


def test_what_a_failed_run_spent_is_given_back_by_the_sweep(operator: Operator, budget: Any, at: datetime) -> None:
    budget("grant", "2", SOME)
    entry = services.request_private_run(
        operator_id=operator.id, network="fm", epsilon=Decimal(2), delta=SOME, actor="a", at=at
    )
    assert services.return_unused(operator_id=operator.id, at=at) == 0
    training.services.begin(operator_id=operator.id, run_id=entry.run_id, at=at)
    training.services.fail(operator_id=operator.id, run_id=entry.run_id, code="empty_log", reason="Empty.", at=at)

    assert services.sweep(operator_id=operator.id, at=at)["budget_returned"] == 1

    assert _sums(operator) == (2, 0)
    assert services.return_unused(operator_id=operator.id, at=at) == 0


def test_the_api_shows_the_ledger_grants_and_refuses(operator: Operator, api: APIClient) -> None:
    key = issue_api_key(operator_id=operator.id, name="k", scopes=[Scope.SUBJECTS, Scope.MODELS])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    body = {"epsilon": "1.5", "delta": "0.00001", "reason": "this year"}

    granted = api.post("/v1/privacy-budget/entries", body, format="json")
    spent = api.post("/v1/privacy-budget/runs", {"epsilon": "1", "delta": "0.000001"}, format="json")
    refused = api.post("/v1/privacy-budget/runs", {"epsilon": "1", "delta": "0.000001"}, format="json")
    nothing = api.post("/v1/privacy-budget/entries", body | {"epsilon": "0", "delta": "0"}, format="json")

    assert (granted.status_code, granted.json()["granted_epsilon"]) == (201, "1.5")
    assert (spent.status_code, spent.json()["kind"], spent.json()["spent_epsilon"]) == (202, "spend", "1")
    assert spent.json()["run"].startswith("run_")
    assert (refused.status_code, refused.json()["code"]) == (409, "run_waits")
    assert nothing.status_code == 400
    standing = api.get("/v1/privacy-budget").json()
    assert (standing["left_epsilon"], standing["left_delta"]) == ("0.5", "0.000009")
    listed = api.get("/v1/privacy-budget/entries").json()["items"]
    assert [entry["kind"] for entry in listed] == ["spend", "grant"]
    Run.objects.all().delete()
    again = api.post("/v1/privacy-budget/runs", {"epsilon": "1", "delta": "0.000001"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "privacy_budget_spent")
