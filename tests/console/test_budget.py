"""The page of the privacy budget: for those who look after people's data, and of their own operator alone."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

import privacy.services
from accounts.models import Operator
from accounts.roles import Role
from core.tenancy import operator_scope


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 200), (Role.PRIVACY_OFFICER, 200), (Role.ANALYST, 403), (Role.VIEWER, 403)]
)
def test_who_may_see_the_budget(signed_in: Any, role: Role, status: int) -> None:
    assert signed_in(role).get("/privacy-budget").status_code == status


def test_the_page_tells_how_the_budget_stands(signed_in: Any, operator: Operator, other_operator: Operator) -> None:
    terms = {"delta": Decimal("0.00001"), "actor": "member:officer", "at": timezone.now()}
    with operator_scope(other_operator.id):
        privacy.services.grant(operator_id=other_operator.id, epsilon=Decimal(77), reason="somebody else's", **terms)
    privacy.services.grant(operator_id=operator.id, epsilon=Decimal(3), reason="this year", **terms)
    privacy.services.spend(operator_id=operator.id, epsilon=Decimal("1.25"), reason="training of fm", **terms)

    text = signed_in(Role.PRIVACY_OFFICER).get("/privacy-budget").content.decode()

    assert "ε 1.75, δ 0" in text
    assert "this year" in text
    assert "training of fm" in text
    assert "somebody else" not in text


def test_before_the_first_grant_the_page_says_so(signed_in: Any) -> None:
    text = signed_in(Role.PRIVACY_OFFICER).get("/privacy-budget").content.decode()

    assert "Nothing was granted yet" in text
