"""Batches that overlap add up and do not deadlock."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier
from uuid import UUID

import pytest
from django.db import connection

from accounts.models import Operator
from catalog.selectors import Spending, spent
from catalog.services import add_advertiser, add_campaign, book_plays
from core.tenancy import operator_scope

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOOKERS, ROUNDS = 4, 5


@pytest.mark.django_db(transaction=True)
def test_money_is_exact_however_many_book_at_once(other_operator: Operator) -> None:
    with operator_scope(other_operator.id):
        advertiser = add_advertiser(operator_id=other_operator.id, name="Acme", actor="member:test")
        campaigns = [
            add_campaign(
                operator_id=other_operator.id, advertiser_id=advertiser.id, name=f"Campaign {number}", starts_at=START,
                ends_at=END, budget_micros=1_000, price_micros=1, actor="member:test",
            ).id
            for number in range(6)
        ]  # fmt: skip
    barrier = Barrier(BOOKERS)

    def book(order: list[UUID]) -> None:
        try:
            for _ in range(ROUNDS):
                barrier.wait(timeout=60)
                with operator_scope(other_operator.id):
                    book_plays(operator_id=other_operator.id, bookings=[(found, TODAY, 1, 7) for found in order])
        finally:
            connection.close()

    with ThreadPoolExecutor(BOOKERS) as pool:
        list(pool.map(book, [campaigns[::step] for step in (1, -1, 1, -1)]))

    with operator_scope(other_operator.id):
        total = BOOKERS * ROUNDS * 7
        assert spent(operator_id=other_operator.id, at=NOW) == dict.fromkeys(campaigns, Spending(total, total))
