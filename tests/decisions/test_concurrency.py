"""What holds when several screens are decided for at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

import catalog.selectors
import catalog.services
from accounts.services import create_operator
from core.tenancy import operator_scope
from decisions.models import Choice

PRICE, BUDGET, THREADS, ROUNDS = 20_000, 200_000, 4, 6


@pytest.mark.django_db(transaction=True)
def test_a_budget_is_overspent_at_most_by_the_decisions_of_one_moment(build_place):
    """Every round decides at once on four threads and plays everything: the budget is ten plays."""
    operator = create_operator(name="Harbour Retail", slug="harbour-retail")
    with operator_scope(operator.id):
        place = build_place(operator)
        campaign = place.campaign("Cola", budget_micros=BUDGET, price_micros=PRICE)
        place.creative("Cola", campaign=campaign)
        place.creative("Bread")
    barrier = threading.Barrier(THREADS)

    def decide_and_play(number):
        shown = 0
        try:
            for round_number in range(ROUNDS):
                barrier.wait(timeout=30)
                at = place.at + timedelta(minutes=round_number)
                with operator_scope(operator.id):
                    slate = place.decide(at=at)
                paid = sum(one.pick.offer.paid for one in slate.places)
                shown += paid
                if paid:
                    booking = (campaign.id, at.date(), paid, paid * PRICE)
                    with operator_scope(operator.id):
                        catalog.services.book_plays(operator_id=operator.id, bookings=[booking])
        finally:
            connection.close()
        return shown

    with ThreadPoolExecutor(THREADS) as pool:
        shown = sum(pool.map(decide_and_play, range(THREADS)))

    with operator_scope(operator.id):
        spent = catalog.selectors.spent(operator_id=operator.id, at=place.at)[campaign.id].total
        logged = Choice.objects.filter(campaign_id=campaign.id).count()
    assert spent == shown * PRICE == logged * PRICE
    assert BUDGET <= spent <= BUDGET + (THREADS - 1) * PRICE
