"""What decisions learn of people, and what is remembered of them."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Operator
from core.tenancy import operator_scope
from subjects import pseudonyms, selectors, services
from subjects.models import Profile, Subject


def history(operator: Operator, subject: Subject, at: datetime) -> tuple[tuple[str, str], ...]:
    found = selectors.people(operator_id=operator.id, subject_ids=[subject.id], venue_id=None, at=at)
    return found[subject.id].history


def test_people_come_with_purposes_and_history_in_one_query(
    operator: Operator, registered: Any, at: datetime, django_assert_num_queries: Any
) -> None:
    first, second = registered("recognise", "personalise").subject, registered("recognise").subject
    services.remember(operator_id=operator.id, entries=[(first.id, "crv_a", "sports", at)])

    with django_assert_num_queries(1):
        found = selectors.people(operator_id=operator.id, subject_ids=[first.id, second.id], venue_id=None, at=at)

    assert found == {
        first.id: selectors.Person(
            first.id, first.pseudonym, frozenset({"recognise", "personalise"}), (("crv_a", "sports"),)
        ),
        second.id: selectors.Person(second.id, second.pseudonym, frozenset({"recognise"}), ()),
    }


def test_who_consents_to_nothing_here_and_now_is_not_among_the_people(
    operator: Operator, registered: Any, at: datetime
) -> None:
    elsewhere = registered("recognise", venue_id=uuid.uuid4()).subject
    over = registered("recognise", expires_at=at + timedelta(hours=1)).subject
    ids = [elsewhere.id, over.id, uuid.uuid4()]

    assert (
        selectors.people(operator_id=operator.id, subject_ids=ids, venue_id=uuid.uuid4(), at=at + timedelta(hours=1))
        == {}
    )


def test_nobody_asked_for_costs_no_query(operator: Operator, at: datetime, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert selectors.people(operator_id=operator.id, subject_ids=[], venue_id=None, at=at) == {}


def test_a_batch_is_remembered_in_one_statement_newest_first(
    operator: Operator, registered: Any, at: datetime, django_assert_num_queries: Any
) -> None:
    first, second = registered("personalise").subject, registered("personalise").subject
    entries = [
        (first.id, "crv_b", "food", at + timedelta(seconds=2)),
        (second.id, "crv_c", "travel", at),
        (first.id, "crv_a", "sports", at + timedelta(seconds=1)),
    ]

    with django_assert_num_queries(1):
        changed = services.remember(operator_id=operator.id, entries=entries)

    assert changed == 2
    assert history(operator, first, at) == (("crv_b", "food"), ("crv_a", "sports"))
    assert history(operator, second, at) == (("crv_c", "travel"),)


def test_a_late_engagement_finds_its_place_by_time(operator: Operator, registered: Any, at: datetime) -> None:
    subject = registered("personalise").subject
    services.remember(operator_id=operator.id, entries=[(subject.id, "crv_new", "a", at)])

    services.remember(operator_id=operator.id, entries=[(subject.id, "crv_old", "b", at - timedelta(days=1))])

    assert history(operator, subject, at) == (("crv_new", "a"), ("crv_old", "b"))


def test_only_the_newest_fifty_are_kept(operator: Operator, registered: Any, at: datetime) -> None:
    subject = registered("personalise").subject
    entries = [(subject.id, f"crv_{number:02}", "c", at + timedelta(seconds=number)) for number in range(60)]
    services.remember(operator_id=operator.id, entries=entries[:30])
    services.remember(operator_id=operator.id, entries=entries[30:])

    kept = [creative for creative, _ in history(operator, subject, at)]
    assert kept == [f"crv_{number:02}" for number in range(59, 9, -1)]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.integers(0, 10_000), max_size=40), max_size=5))
def test_however_engagements_arrive_the_newest_fifty_are_remembered(
    operator: Operator, registered: Any, at: datetime, batches: list[list[int]]
) -> None:
    subject = registered("personalise").subject
    for batch in batches:
        entries = [(subject.id, f"crv_{second}", "c", at + timedelta(seconds=second)) for second in batch]
        services.remember(operator_id=operator.id, entries=entries)

    expected = sorted((second for batch in batches for second in batch), reverse=True)[:50]
    assert [creative for creative, _ in history(operator, subject, at)] == [f"crv_{second}" for second in expected]


def test_nothing_is_remembered_of_who_did_not_consent_to_it(operator: Operator, registered: Any, at: datetime) -> None:
    never = registered("recognise", "learn").subject
    withdrawn = registered("personalise").subject
    services.withdraw_all(operator_id=operator.id, subject_id=withdrawn.id, channel="c", actor="a", at=at)
    over = registered("personalise", expires_at=at + timedelta(hours=1)).subject
    later = at + timedelta(hours=2)
    entries = [(subject_id, "crv_a", "c", later) for subject_id in (never.id, withdrawn.id, over.id, uuid.uuid4())]

    assert services.remember(operator_id=operator.id, entries=entries) == 0
    assert not Profile.objects.exists()


def test_another_operators_people_are_out_of_reach(
    operator: Operator, other_operator: Operator, registered: Any, at: datetime
) -> None:
    subject = registered("recognise", "personalise").subject
    with operator_scope(other_operator.id):
        stolen = selectors.people(operator_id=operator.id, subject_ids=[subject.id], venue_id=None, at=at)
        written = services.remember(operator_id=operator.id, entries=[(subject.id, "crv_a", "c", at)])

    assert stolen == {}
    assert written == 0
    assert not Profile.objects.exists()


def test_a_pseudonym_is_unique_within_an_operator(
    operator: Operator, registered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["amber-heron-4821", "amber-heron-4821", "teal-owl-1000"])
    monkeypatch.setattr(pseudonyms, "draw", lambda: next(drawn))

    assert registered("learn").subject.pseudonym == "amber-heron-4821"
    assert registered("learn").subject.pseudonym == "teal-owl-1000"


def test_a_loyalty_token_names_its_subject_and_only_a_digest_is_stored(operator: Operator, registered: Any) -> None:
    registration = registered("personalise")

    assert registration.loyalty_token.startswith("vtl_")
    assert (
        selectors.subject_of_loyalty(operator_id=operator.id, token=registration.loyalty_token)
        == registration.subject.id
    )
    assert registration.loyalty_token.encode() not in bytes(Subject.objects.get().loyalty_digest)
    assert registration.loyalty_token not in repr(registration)


def test_without_personalise_there_is_no_loyalty_token(registered: Any) -> None:
    assert registered("recognise").loyalty_token is None


def test_a_new_loyalty_token_replaces_the_old_one(operator: Operator, registered: Any) -> None:
    registration = registered("personalise")

    new = services.issue_loyalty(operator_id=operator.id, subject_id=registration.subject.id, actor="member:x")

    assert selectors.subject_of_loyalty(operator_id=operator.id, token=new) == registration.subject.id
    assert selectors.subject_of_loyalty(operator_id=operator.id, token=registration.loyalty_token) is None
