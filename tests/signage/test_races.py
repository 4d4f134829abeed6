"""What must happen once happens once, however many ask at the same moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from accounts.models import Credential, Operator
from core.problems import Problem
from core.tenancy import operator_scope
from signage.models import Player, Screen
from signage.services import claim, collect, pairing, start_pairing

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CALLERS = 4


@pytest.fixture
def crowd() -> Iterator[Callable[[Callable[[], Any]], list[str]]]:
    """Let several threads do the same at once; return the name of what each got."""
    barrier = Barrier(CALLERS)

    def outcome(deed: Callable[[], Any]) -> str:
        try:
            barrier.wait(timeout=60)
            return type(deed()).__name__
        except Problem as problem:
            return type(problem).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(CALLERS) as pool:
        yield lambda deed: sorted(pool.map(outcome, [deed] * CALLERS))


def test_a_code_is_claimed_once(
    other_operator: Operator, foreign_screen: Screen, crowd: Callable[[Callable[[], Any]], list[str]]
) -> None:
    started = start_pairing(kind="signage", remote="192.0.2.7", at=NOW)

    outcomes = crowd(
        lambda: claim(
            operator_id=other_operator.id, code=started.code, screen_id=foreign_screen.id, actor="member:test", at=NOW
        )
    )

    assert outcomes == ["PairingClaimed"] * (CALLERS - 1) + ["Player"]
    with operator_scope(other_operator.id):
        assert Player.objects.count() == 1


def test_a_token_is_delivered_once(
    other_operator: Operator, foreign_screen: Screen, crowd: Callable[[Callable[[], Any]], list[str]]
) -> None:
    started = start_pairing(kind="signage", remote="192.0.2.7", at=NOW)
    claim(operator_id=other_operator.id, code=started.code, screen_id=foreign_screen.id, actor="member:test", at=NOW)

    outcomes = crowd(lambda: collect(pairing_id=started.pairing_id, secret=started.secret, at=NOW))

    assert outcomes == ["Collected"] + ["PairingCollected"] * (CALLERS - 1)
    with operator_scope(other_operator.id):
        assert Credential.objects.count() == 1


def test_a_burst_does_not_pass_the_limit_together(
    db: None, crowd: Callable[[Callable[[], Any]], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing, "OPEN_PER_REMOTE", 2)

    outcomes = crowd(lambda: start_pairing(kind="signage", remote="192.0.2.7", at=NOW))

    assert outcomes == ["StartedPairing"] * 2 + ["TooManyPairings"] * 2
