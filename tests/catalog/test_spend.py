from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import Operator
from catalog.errors import UnknownCampaign
from catalog.models import Advertiser, Campaign, Spend
from catalog.selectors import Spending, campaign_summaries, of_spending, spent
from catalog.services import add_campaign, book_plays
from core.ids import new_id
from core.questions import ask
from core.tenancy import operator_scope

TODAY = date(2026, 11, 22)
YESTERDAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def second(operator: Operator, advertiser: Advertiser) -> Campaign:
    return add_campaign(
        operator_id=operator.id, advertiser_id=advertiser.id, name="Winter", starts_at=START, ends_at=END,
        budget_micros=1_000, price_micros=1, actor="member:test",
    )  # fmt: skip


def test_plays_add_up_by_campaign_and_day(operator: Operator, campaign: Campaign, second: Campaign) -> None:
    book_plays(
        operator_id=operator.id, bookings=[(campaign.id, YESTERDAY, 1, 50_000), (campaign.id, TODAY, 2, 100_000)]
    )
    book_plays(
        operator_id=operator.id,
        bookings=[(campaign.id, TODAY, 1, 50_000), (second.id, TODAY, 1, 1), (campaign.id, TODAY, 1, 50_000)],
    )

    assert spent(operator_id=operator.id, at=NOW) == {
        campaign.id: Spending(250_000, 200_000),
        second.id: Spending(1, 1),
    }
    assert sorted(Spend.objects.values_list("campaign_id", "day", "plays", "micros")) == sorted(
        [(campaign.id, YESTERDAY, 1, 50_000), (campaign.id, TODAY, 4, 200_000), (second.id, TODAY, 1, 1)]
    )


def test_today_is_a_day_of_utc(operator: Operator, campaign: Campaign) -> None:
    book_plays(operator_id=operator.id, bookings=[(campaign.id, TODAY, 1, 7)])

    assert spent(operator_id=operator.id, at=datetime.fromisoformat("2026-11-23T00:30:00+01:00")) == {
        campaign.id: Spending(7, 7)
    }
    assert spent(operator_id=operator.id, at=datetime.fromisoformat("2026-11-23T01:30:00+01:00")) == {
        campaign.id: Spending(7, 0)
    }


def test_a_batch_is_one_statement_and_so_is_the_sum(
    operator: Operator, campaign: Campaign, second: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    bookings = [(found.id, date(2026, 11, day), 1, 5) for found in (campaign, second) for day in range(1, 29)]

    with django_assert_num_queries(3):  # the statement, and the savepoint around it
        book_plays(operator_id=operator.id, bookings=bookings)
    with django_assert_num_queries(1):
        assert spent(operator_id=operator.id, at=NOW)[campaign.id] == Spending(140, 5)


def test_nothing_to_book_asks_nothing(operator: Operator, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2):  # an empty savepoint
        book_plays(operator_id=operator.id, bookings=[])


def test_an_unknown_campaign_books_nothing_at_all(operator: Operator, campaign: Campaign) -> None:
    with pytest.raises(UnknownCampaign):
        book_plays(operator_id=operator.id, bookings=[(campaign.id, TODAY, 1, 5), (new_id(), TODAY, 1, 5)])

    assert Spend.objects.count() == 0


def test_nobody_spends_another_operators_money(
    operator: Operator, other_operator: Operator, campaign: Campaign
) -> None:
    with operator_scope(other_operator.id), pytest.raises(UnknownCampaign):
        book_plays(operator_id=other_operator.id, bookings=[(campaign.id, TODAY, 1, 5)])

    assert spent(operator_id=operator.id, at=NOW) == {}


@pytest.mark.parametrize("booking", [(-1, 5), (1, -5)])
def test_money_never_flows_back(operator: Operator, campaign: Campaign, booking: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="never negative"):
        book_plays(operator_id=operator.id, bookings=[(campaign.id, TODAY, *booking)])
    with pytest.raises(IntegrityError, match="spend_not_negative"), transaction.atomic():
        Spend.objects.create(operator_id=operator.id, campaign=campaign, day=TODAY, plays=1, micros=-1)

    assert Spend.objects.count() == 0


@profile(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from([TODAY, YESTERDAY]), st.integers(0, 9), st.integers(0, 10**15)), max_size=6),
        max_size=5,
    )
)
def test_money_is_exact_however_it_arrives(
    operator: Operator, campaign: Campaign, batches: list[list[tuple[date, int, int]]]
) -> None:
    Spend.objects.all().delete()

    for batch in batches:
        book_plays(operator_id=operator.id, bookings=[(campaign.id, *booking) for booking in batch])

    booked = [booking for batch in batches for booking in batch]
    expected = Spending(sum(micros for *_, micros in booked), sum(micros for day, _, micros in booked if day == TODAY))
    assert spent(operator_id=operator.id, at=NOW).get(campaign.id, Spending(0, 0)) == expected


def test_the_console_sees_spend_beside_each_campaign(
    operator: Operator, campaign: Campaign, second: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    book_plays(operator_id=operator.id, bookings=[(campaign.id, TODAY, 1, 50_000)])

    with django_assert_num_queries(2):
        summaries = campaign_summaries(operator_id=operator.id, at=NOW)
        names = [summary.campaign.advertiser.name for summary in summaries]

    assert names == ["Acme", "Acme"]
    assert [(summary.campaign.id, summary.creatives, summary.spending) for summary in summaries] == [
        (second.id, 0, Spending(0, 0)),
        (campaign.id, 0, Spending(50_000, 50_000)),
    ]


def test_a_decision_asks_only_what_campaigns_have_spent_that_may_still_play(
    operator: Operator, campaign: Campaign, second: Campaign
) -> None:
    Campaign.objects.filter(id=campaign.id).update(state="active", starts_at=START, ends_at=END)
    Campaign.objects.filter(id=second.id).update(state="active", starts_at=START, ends_at=NOW)
    bookings = [(found.id, day, 1, 5) for found in (campaign, second) for day in (YESTERDAY, TODAY)]
    book_plays(operator_id=operator.id, bookings=bookings)

    [found] = ask(of_spending(operator_id=operator.id, at=NOW))
    assert found == {campaign.id: Spending(10, 5)}

    Campaign.objects.filter(id=campaign.id).update(state="paused")
    assert ask(of_spending(operator_id=operator.id, at=NOW)) == ({},)
