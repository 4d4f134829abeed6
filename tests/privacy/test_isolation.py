"""Templates, requests and certificates of one operator are out of reach of another, by raw SQL too."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import Operator
from core.tenancy import operator_scope, platform_scope
from privacy import selectors, services

TABLES = ["identities_template", "privacy_rightsrequest", "privacy_certificate", "privacy_budgetentry"]


@pytest.fixture
def filled(operator: Operator, person: Any, at: datetime) -> Any:
    """Something in every table."""
    services.erase(operator_id=operator.id, subject_id=person().id, actor="a", at=at)
    services.grant(operator_id=operator.id, epsilon=Decimal(1), delta=Decimal(0), reason="r", actor="a", at=at)
    stays = person()
    return services.ask(
        operator_id=operator.id, subject_id=stays.id, kind="objection", channel="c", actor="a", at=at
    )  # fmt: skip


def count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("table", TABLES)
def test_rows_are_seen_in_their_operators_scope_only(filled: Any, other_operator: Operator, table: str) -> None:
    mine = count(table)
    with operator_scope(other_operator.id):
        theirs = count(table)

    assert (mine, theirs) == (1, 0)


@pytest.mark.parametrize("table", ["identities_template", "privacy_rightsrequest"])
def test_rows_cannot_be_given_to_another_operator(filled: Any, other_operator: Operator, table: str) -> None:
    refusal = "row-level security|live consent"  # a template's trigger is asked before the policy

    with pytest.raises(DatabaseError, match=refusal), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET operator_id = %s", [other_operator.id])


def test_a_template_cannot_rest_on_another_operators_consent(filled: Any, other_operator: Operator) -> None:
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute("SELECT subject_id, embedding::text FROM identities_template")
        subject_id, vector = cursor.fetchone()

    with (
        operator_scope(other_operator.id),
        pytest.raises(IntegrityError, match="No template without a live consent"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO identities_template (id, created_at, operator_id, subject_id, contract, embedding, quality)"
            " VALUES (gen_random_uuid(), now(), %s, %s, 'emb_x', %s::vector, '{}')",
            [other_operator.id, subject_id, vector],
        )


def test_the_task_learns_whose_request_it_carries_out(
    filled: Any, operator: Operator, other_operator: Operator
) -> None:
    with operator_scope(other_operator.id):
        assert selectors.operator_of(filled.id) == operator.id
