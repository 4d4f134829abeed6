"""Change on what terms an operator's models are promoted."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from audit.services import record
from registry import selectors, terms
from registry.errors import UnusableTerms
from registry.models import PromotionPolicy
from registry.selectors import Policy
from registry.services.locks import lock
from registry.terms import Route

SHARES = ("shadow_share", "canary_share")
COUNTS = {"shadow_hours": (0, 24 * 90), "canary_hours": (0, 24 * 90), "trial_decisions": (1, 10_000_000)}
PLAIN = ("route", "automatic", *SHARES, *COUNTS)


@transaction.atomic
def set_policy(*, operator_id: UUID, changes: Mapping[str, Any], actor: str) -> Policy:
    """Change some of an operator's terms; whatever is not named stays. Changing nothing is not audited.

    Args:
        changes: by name of `registry.selectors.Policy`; ``gates`` and ``guardrails`` hold some of their terms each.

    Raises:
        UnusableTerms: a name is unknown or a value out of range; nothing was changed.
    """
    lock(operator_id)
    before = selectors.policy(operator_id=operator_id)
    problems = [{"field": str(name), "code": "out_of_range"} for name in changes if not _fits(name, changes[name])]
    if problems:
        raise UnusableTerms(
            "These terms are unknown or out of range: " + ", ".join(problem["field"] for problem in problems) + ".",
            errors=problems,
        )
    gates = terms.changed(before.gates, changes.get("gates", {}))
    guardrails = terms.changed(before.guardrails, changes.get("guardrails", {}))
    values = {name: changes[name] for name in PLAIN if name in changes}
    PromotionPolicy.objects.update_or_create(
        operator_id=operator_id,
        defaults=values | {"gates": terms.differing(gates), "guardrails": terms.differing(guardrails)},
    )
    after = selectors.policy(operator_id=operator_id)
    if after != before:
        record(
            operator_id=operator_id, actor=actor, action="model.policy_changed", target="models",
            detail={"before": before.document(), "after": after.document()},
        )  # fmt: skip
    return after


def _fits(name: str, value: object) -> bool:
    if name in ("gates", "guardrails"):
        return isinstance(value, Mapping)
    if name == "route":
        return value in Route.values
    if name == "automatic":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if name in SHARES:
        return 0 < value <= 1
    if name in COUNTS:
        low, high = COUNTS[name]
        return isinstance(value, int) and low <= value <= high
    return False
