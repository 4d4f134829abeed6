"""A batch sent twice at once counts once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

import catalog.selectors
from accounts.services import create_operator
from core.tenancy import operator_scope
from events.models import Engagement, Play


@pytest.mark.django_db(transaction=True)
def test_a_batch_sent_on_many_connections_at_once_is_stored_and_billed_once(build_place, build_events):
    operator = create_operator(name="Harbour Retail", slug="harbour-retail")
    with operator_scope(operator.id):
        place = build_place(operator)
        campaign = place.campaign("Cola", price_micros=20_000)
        place.creative("Cola", campaign=campaign)
        slate = place.decide()
    events = build_events(place)
    batch = [events.play(slate), *(events.engagement(slate) for _ in range(20))]
    barrier = threading.Barrier(4)

    def send(number):
        try:
            barrier.wait(timeout=30)
            with operator_scope(operator.id):
                return [str(result.status) for result in events.send(*batch)]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))

    assert sorted(answers) == [["accepted"] * 21] + [["duplicate"] * 21] * 3
    with operator_scope(operator.id):
        assert (Play.objects.count(), Engagement.objects.count()) == (1, 20)
        assert catalog.selectors.spent(operator_id=operator.id, at=place.at)[campaign.id].total == 20_000
