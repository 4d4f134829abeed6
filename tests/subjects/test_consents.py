"""Consent: given for a purpose, a place and a term, and over the moment it ends."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from accounts.models import Operator
from audit.models import Entry
from core.epochs import Topic, versions
from subjects import selectors, services
from subjects.errors import ConsentTermInvalid, NoPurpose, NoticeOutdated, PurposeNotExplained, UnknownSubject
from subjects.models import Action, Consent, ConsentEntry, Profile, Receipt, Subject
from subjects.purposes import Purpose


def purposes_of(operator: Operator, subject: Subject, at: datetime, venue_id: uuid.UUID | None = None) -> set[str]:
    live = selectors.live_purposes(operator_id=operator.id, subject_ids=[subject.id], venue_id=venue_id, at=at)
    return set(live.get(subject.id, ()))


def test_a_registration_gives_exactly_the_consents_that_were_ticked(
    operator: Operator, registered: Any, at: datetime
) -> None:
    subject = registered("learn", "recognise").subject

    assert purposes_of(operator, subject, at) == {"learn", "recognise"}
    assert [(entry.purpose, entry.action, entry.actor) for entry in ConsentEntry.objects.order_by("purpose")] == [
        ("learn", "given", "device:test"),
        ("recognise", "given", "device:test"),
    ]


def test_the_ledger_says_under_which_notice_where_and_until_when(
    operator: Operator, registered: Any, at: datetime, notice: Any
) -> None:
    venue_id = uuid.uuid4()
    registered("measure", venue_id=venue_id, expires_at=at + timedelta(days=3))

    entry = ConsentEntry.objects.get()
    assert (entry.notice_id, entry.venue_id, entry.expires_at, entry.at, entry.channel, entry.method) == (
        notice.id, venue_id, at + timedelta(days=3), at, "kiosk", "tick_box",
    )  # fmt: skip


def test_without_an_end_a_consent_holds_for_the_longest_term(operator: Operator, registered: Any, at: datetime) -> None:
    subject = registered("recognise").subject

    [consent] = selectors.consents_of(operator_id=operator.id, subject_id=subject.id)
    assert consent.expires_at == at + settings.CONSENT_TERM


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(days=-1), settings.CONSENT_TERM + timedelta(seconds=1)])
def test_a_term_outside_the_limits_is_refused_and_nobody_registered(
    registered: Any, at: datetime, offset: timedelta
) -> None:
    with pytest.raises(ConsentTermInvalid):
        registered("recognise", expires_at=at + offset)

    assert not Subject.objects.exists()
    assert not ConsentEntry.objects.exists()
    assert not Receipt.objects.exists()


@pytest.mark.parametrize("purposes", [(), ("profile",), ("recognise", "emote")])
def test_no_or_an_unknown_purpose_is_refused(registered: Any, purposes: tuple[str, ...]) -> None:
    with pytest.raises(NoPurpose):
        registered(*purposes)

    assert not Subject.objects.exists()


def test_nobody_can_consent_to_what_the_notice_does_not_explain(operator: Operator, registered: Any) -> None:
    short = services.publish_notice(operator_id=operator.id, title="t", text="t", purposes={"recognise": "Knows you."})

    with pytest.raises(PurposeNotExplained):
        registered("recognise", "share", notice=short)

    assert not Subject.objects.exists()


def test_an_outdated_notice_is_refused(operator: Operator, registered: Any) -> None:
    services.publish_notice(operator_id=operator.id, title="Newer", text="More.")

    with pytest.raises(NoticeOutdated):
        registered("recognise")


def test_a_newer_notice_in_another_language_does_not_outdate_this_one(operator: Operator, registered: Any) -> None:
    services.publish_notice(operator_id=operator.id, title="Neu", text="Mehr.", language="de")

    assert registered("recognise").subject


def test_a_withdrawal_counts_at_once_and_for_its_purpose_only(
    operator: Operator, registered: Any, at: datetime
) -> None:
    subject = registered("recognise", "personalise").subject

    ended = services.withdraw_consent(
        operator_id=operator.id, subject_id=subject.id, purpose="recognise", channel="portal", actor="receipt:x", at=at
    )

    assert ended is True
    assert purposes_of(operator, subject, at) == {"personalise"}
    entry = ConsentEntry.objects.get(action=Action.WITHDRAWN)
    assert (entry.purpose, entry.channel, entry.actor, entry.at) == ("recognise", "portal", "receipt:x", at)


def test_withdrawing_again_changes_nothing(operator: Operator, registered: Any, at: datetime) -> None:
    subject = registered("recognise").subject
    values = {
        "operator_id": operator.id, "subject_id": subject.id, "purpose": "recognise", "channel": "c", "actor": "a",
        "at": at,
    }  # fmt: skip
    services.withdraw_consent(**values)
    before = (ConsentEntry.objects.count(), Entry.objects.count(), versions(operator_id=operator.id))

    assert services.withdraw_consent(**values) is False
    assert (ConsentEntry.objects.count(), Entry.objects.count(), versions(operator_id=operator.id)) == before


def test_consent_can_be_given_again_after_a_withdrawal(
    operator: Operator, registered: Any, notice: Any, at: datetime
) -> None:
    subject = registered("recognise").subject
    services.withdraw_all(operator_id=operator.id, subject_id=subject.id, channel="c", actor="a", at=at)

    services.give_consent(
        operator_id=operator.id, subject_id=subject.id, purposes=["recognise"], notice=notice, channel="c", actor="a",
        method="m", at=at,
    )  # fmt: skip

    assert purposes_of(operator, subject, at) == {"recognise"}
    assert [entry.action for entry in selectors.ledger_of(operator_id=operator.id, subject_id=subject.id)] == [
        "given", "withdrawn", "given",
    ]  # fmt: skip
    assert Consent.objects.count() == 1


def test_a_consent_limited_to_a_venue_does_not_count_elsewhere(
    operator: Operator, registered: Any, at: datetime
) -> None:
    here, there = uuid.uuid4(), uuid.uuid4()
    subject = registered("recognise", venue_id=here).subject

    assert purposes_of(operator, subject, at, here) == {"recognise"}
    assert purposes_of(operator, subject, at, there) == set()
    assert purposes_of(operator, subject, at, None) == set()


def test_a_consent_ends_at_its_last_moment_without_any_task(operator: Operator, registered: Any, at: datetime) -> None:
    end = at + timedelta(days=1)
    subject = registered("recognise", expires_at=end).subject

    assert purposes_of(operator, subject, end - timedelta(microseconds=1)) == {"recognise"}
    assert purposes_of(operator, subject, end) == set()


def test_the_sweep_writes_an_expiry_into_the_ledger_once(operator: Operator, registered: Any, at: datetime) -> None:
    end = at + timedelta(days=1)
    subject = registered("recognise", "learn", expires_at=end).subject
    registered("recognise")

    assert services.expire_consents(operator_id=operator.id, at=end) == 2
    assert services.expire_consents(operator_id=operator.id, at=end) == 0
    ledger = selectors.ledger_of(operator_id=operator.id, subject_id=subject.id)
    assert sorted(entry.purpose for entry in ledger if entry.action == "expired") == ["learn", "recognise"]


def test_every_change_of_consent_moves_the_epoch(operator: Operator, registered: Any, at: datetime) -> None:
    before = versions(operator_id=operator.id).get(Topic.CONSENT, 0)
    subject = registered("recognise").subject
    given = versions(operator_id=operator.id)[Topic.CONSENT]
    services.withdraw_all(operator_id=operator.id, subject_id=subject.id, channel="c", actor="a", at=at)

    assert before < given < versions(operator_id=operator.id)[Topic.CONSENT]


def test_ending_personalise_drops_the_history_and_the_loyalty_token(
    operator: Operator, registered: Any, at: datetime
) -> None:
    registration = registered("recognise", "personalise")
    subject = registration.subject
    services.remember(operator_id=operator.id, entries=[(subject.id, "crv_a", "sports", at)])

    services.withdraw_consent(
        operator_id=operator.id, subject_id=subject.id, purpose="personalise", channel="c", actor="a", at=at
    )

    assert not Profile.objects.exists()
    assert selectors.subject_of_loyalty(operator_id=operator.id, token=registration.loyalty_token) is None
    assert purposes_of(operator, subject, at) == {"recognise"}


@pytest.mark.parametrize(
    "statement", ["UPDATE subjects_consententry SET action = 'given'", "DELETE FROM subjects_consententry"]
)
def test_the_database_refuses_to_change_the_ledger(registered: Any, statement: str) -> None:
    registered("recognise")

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert ConsentEntry.objects.count() == 1


@pytest.mark.parametrize("statement", ["UPDATE subjects_notice SET text = 'other'", "DELETE FROM subjects_notice"])
def test_the_database_refuses_to_change_a_notice(notice: Any, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE subjects_consent SET purpose = 'emotion'",
        "UPDATE subjects_consent SET state = 'withdrawn'",
        "UPDATE subjects_consent SET ended_at = now()",
        "UPDATE subjects_consent SET expires_at = given_at",
        "UPDATE subjects_subject SET origin = 'found'",
    ],
)
def test_the_database_refuses_impossible_states(registered: Any, statement: str) -> None:
    registered("recognise")

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_nobody_consents_for_an_unknown_subject(operator: Operator, notice: Any, at: datetime) -> None:
    with pytest.raises(UnknownSubject):
        services.give_consent(
            operator_id=operator.id, subject_id=uuid.uuid4(), purposes=["learn"], notice=notice, channel="c",
            actor="a", method="m", at=at,
        )  # fmt: skip

    assert not ConsentEntry.objects.exists()


def test_learners_and_counts_follow_live_consents(operator: Operator, registered: Any, at: datetime) -> None:
    learner = registered("learn", "recognise").subject
    registered("recognise")
    gone = registered("learn").subject
    services.withdraw_all(operator_id=operator.id, subject_id=gone.id, channel="c", actor="a", at=at)

    assert selectors.learners(operator_id=operator.id, at=at) == {learner.id}
    assert selectors.consent_counts(operator_id=operator.id, at=at) == {
        "recognise": 2, "personalise": 0, "learn": 1, "measure": 0, "share": 0,
    }  # fmt: skip


def test_the_snapshot_changes_with_the_consents_and_names_nobody(
    operator: Operator, registered: Any, at: datetime
) -> None:
    subject = registered("learn").subject
    first = selectors.consent_snapshot(operator_id=operator.id, at=at)
    again = selectors.consent_snapshot(operator_id=operator.id, at=at)
    services.withdraw_all(operator_id=operator.id, subject_id=subject.id, channel="c", actor="a", at=at)
    after = selectors.consent_snapshot(operator_id=operator.id, at=at)

    assert first == again
    assert first["counts"]["learn"] == 1
    assert first["digest"] != after["digest"]
    assert str(subject.id) not in str(first)


def test_each_purpose_is_explained_by_default() -> None:
    from subjects.purposes import EXPLANATIONS

    assert set(EXPLANATIONS) == set(Purpose.values)
