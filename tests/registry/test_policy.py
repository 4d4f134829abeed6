from typing import Any

import pytest

from accounts.models import Operator
from audit.selectors import latest
from registry import selectors
from registry.errors import UnusableTerms
from registry.models import PromotionPolicy
from registry.services import set_policy
from registry.terms import Gates, Guardrails

pytestmark = pytest.mark.django_db
WHO = "member:one"


def test_without_a_word_the_defaults_hold(operator: Operator) -> None:
    policy = selectors.policy(operator_id=operator.id)

    assert policy == selectors.Policy()
    assert (policy.route, policy.automatic) == ("direct", False)
    assert policy.gates == Gates()
    assert policy.guardrails == Guardrails()


def test_some_terms_are_changed_and_the_others_stay(operator: Operator) -> None:
    set_policy(operator_id=operator.id, changes={"route": "canary", "gates": {"auc_tolerance": 0.02}}, actor=WHO)
    changed = set_policy(
        operator_id=operator.id, changes={"canary_share": 0.3, "gates": {"ece_ceiling": 0.2}}, actor=WHO
    )

    assert (changed.route, changed.canary_share, changed.automatic) == ("canary", 0.3, False)
    assert changed.gates == Gates(auc_tolerance=0.02, ece_ceiling=0.2)
    assert PromotionPolicy.objects.get().gates == {"auc_tolerance": 0.02, "ece_ceiling": 0.2}
    entry = latest(operator_id=operator.id, limit=1)[0]
    assert entry.action == "model.policy_changed"
    assert (entry.detail["before"]["canary_share"], entry.detail["after"]["canary_share"]) == (0.1, 0.3)


def test_changing_nothing_is_not_audited(operator: Operator) -> None:
    set_policy(operator_id=operator.id, changes={"route": "canary"}, actor=WHO)
    before = latest(operator_id=operator.id, limit=1)[0].number

    set_policy(operator_id=operator.id, changes={"route": "canary"}, actor=WHO)

    assert latest(operator_id=operator.id, limit=1)[0].number == before


@pytest.mark.parametrize(
    "changes",
    [
        {"route": "backwards"},
        {"automatic": 1},
        {"canary_share": 0},
        {"canary_share": float("nan")},
        {"trial_decisions": 0},
        {"canary_hours": 1.5},
        {"mood": 1},
        {"gates": {"auc_tolerance": -0.1}},
        {"gates": {"auc": 0.1}},
        {"gates": {"cohort_rows": 0}},
        {"guardrails": {"engagement_level": 0}},
        {"guardrails": {"error_rate": "high"}},
        {"route": "canary", "guardrails": 7},
    ],
)
def test_terms_that_make_no_sense_are_refused_and_nothing_changes(operator: Operator, changes: dict[str, Any]) -> None:
    with pytest.raises(UnusableTerms):
        set_policy(operator_id=operator.id, changes=changes, actor=WHO)

    assert not PromotionPolicy.objects.exists()
    assert selectors.policy(operator_id=operator.id) == selectors.Policy()
