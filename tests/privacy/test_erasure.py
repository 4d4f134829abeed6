"""Erasure: gone from every store, searched again, and only then certified."""

import uuid
from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

import identities.selectors
import identities.services
import subjects.selectors
import subjects.services
import training.folders
from accounts.models import Operator
from audit.models import Entry
from audit.selectors import verify
from core.epochs import versions
from core.models import Reply
from core.tenancy import operator_scope
from decisions.models import DecisionViewer
from identities import index
from identities.models import Template
from privacy import certificates, journal, search, services
from privacy.digests import digest_of
from privacy.errors import ErasureIncomplete
from privacy.models import Certificate, RightsRequest
from subjects.errors import UnknownSubject
from subjects.models import Consent, ConsentEntry, Profile, Receipt, Subject
from training.models import Dataset, Run


def erase(operator: Operator, subject: Any, at: datetime) -> Certificate:
    return services.erase(operator_id=operator.id, subject_id=subject.id, actor="member:officer", at=at)


@pytest.fixture
def everywhere(operator: Operator, person: Any, decided: Any, trained: Any, replied: Any, at: datetime) -> Any:
    """Somebody of whom every store holds something."""
    subject = person()
    decided(subject)
    trained(subject)
    replied(f'{{"subject": "{subject.public_id}"}}')
    services.ask(
        operator_id=operator.id, subject_id=subject.id, kind="objection", channel="portal", actor="receipt:x", at=at,
        note=f"I am {subject.pseudonym}.",
    )  # fmt: skip
    index.gallery(operator.id, versions(operator_id=operator.id))
    return subject


def test_the_person_is_gone_from_every_store(operator: Operator, everywhere: Any, person: Any, at: datetime) -> None:
    stays, run = person(), Run.objects.get()

    certificate = erase(operator, everywhere, at)

    assert [row.id for row in Subject.objects.all()] == [stays.id]
    left = [row.subject_id for model in (Consent, Receipt, Profile, Template) for row in model.objects.all()]
    assert set(left) == {stays.id}
    assert [viewer.subject_id for viewer in DecisionViewer.objects.all()] == [None]
    assert not Reply.objects.exists()
    assert [bytes(dataset.people) for dataset in Dataset.objects.all()] == [b""]
    assert not training.folders.folder_of(run.id).exists()
    assert index.held(operator.id, versions(operator_id=operator.id)) == {str(Template.objects.get().id)}
    assert [(asked.subject_id, asked.note) for asked in RightsRequest.objects.all()] == [(None, "")]
    assert certificate.body["erased"]["identities"] == {"templates": 1}
    assert certificate.body["erased"]["decisions"] == {"decision_viewers": 1}
    assert certificate.body["erased"]["training"]["datasets"] == 1
    assert certificate.body["erased"]["core"] == {"replies": 1}
    assert certificate.body["searched"]["hits"] == 0
    assert certificate.body["searched"]["tables"] > 20


def test_a_search_of_the_whole_database_finds_only_the_audit_log(
    operator: Operator, everywhere: Any, at: datetime
) -> None:
    erase(operator, everywhere, at)
    forms = "|".join(search.forms_of(everywhere.id, everywhere.pseudonym))

    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
                       " AND table_type = 'BASE TABLE'")  # fmt: skip
        found = set()
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text ~ %s', [forms])
            if cursor.fetchone()[0]:
                found.add(table)
    assert found == {"audit_entry"}


def test_the_ledger_still_proves_consents_without_leading_to_anybody(
    operator: Operator, everywhere: Any, at: datetime
) -> None:
    reference = everywhere.reference

    erase(operator, everywhere, at)

    assert sorted(ConsentEntry.objects.filter(reference=reference).values_list("action", flat=True)) == [
        "given", "given", "given", "withdrawn", "withdrawn", "withdrawn",
    ]  # fmt: skip
    assert not Subject.objects.filter(reference=reference).exists()


def test_the_erasure_is_audited_and_the_chain_holds(operator: Operator, everywhere: Any, at: datetime) -> None:
    erase(operator, everywhere, at)

    entry = Entry.objects.get(action="subject.erased")
    assert (entry.actor, entry.target) == ("member:officer", everywhere.public_id)
    assert verify(operator_id=operator.id).intact


def test_the_certificate_is_signed_and_names_the_subject_to_who_knows_the_id(
    operator: Operator, everywhere: Any, at: datetime
) -> None:
    certificate = erase(operator, everywhere, at)

    stored = Certificate.objects.get(id=certificate.id)
    assert services.verify_certificate(stored)
    assert stored.subject_digest == digest_of(everywhere.id) == stored.body["subject"]
    assert str(everywhere.id) not in str(stored.body)
    assert certificates.holds(stored.body, bytes(stored.signature), bytes.fromhex(stored.body["public_key"]))


@pytest.mark.parametrize("change", ["body", "signature", "row"])
def test_a_changed_certificate_does_not_verify(operator: Operator, everywhere: Any, at: datetime, change: str) -> None:
    certificate = erase(operator, everywhere, at)
    match change:
        case "body":
            certificate.body["erased"]["identities"]["templates"] = 0
        case "signature":
            certificate.signature = bytes(64)
        case "row":
            certificate.subject_digest = "0" * 64

    assert not services.verify_certificate(certificate)


@pytest.mark.parametrize("statement", ["UPDATE privacy_certificate SET body = '{}'", "DELETE FROM privacy_certificate"])
def test_the_database_refuses_to_change_a_certificate(
    operator: Operator, everywhere: Any, at: datetime, statement: str
) -> None:
    erase(operator, everywhere, at)

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("app", "store"),
    [
        (identities.services, "gallery in memory"),
        (training.services, "datasets"),
        (subjects.services, "subjects_subject"),
    ],
)
def test_an_app_that_forgets_to_forget_is_found_out_and_nothing_changes(
    operator: Operator, everywhere: Any, at: datetime, monkeypatch: pytest.MonkeyPatch, app: Any, store: str
) -> None:
    monkeypatch.setattr(app, "forget", lambda **person: {"templates": 0})
    monkeypatch.setattr(subjects.services, "withdraw_all", lambda **person: [])
    if app is not subjects.services:  # deleting the subject would take the template along
        monkeypatch.setattr(subjects.services, "forget", lambda **person: {})
    before = (Subject.objects.count(), Template.objects.count(), DecisionViewer.objects.filter(subject_id=None).count())

    with pytest.raises(ErasureIncomplete) as refused:
        erase(operator, everywhere, at)

    assert store in refused.value.detail
    assert not Certificate.objects.exists()
    assert before == (
        Subject.objects.count(), Template.objects.count(), DecisionViewer.objects.filter(subject_id=None).count(),
    )  # fmt: skip


def test_a_table_nobody_thought_of_is_searched_as_well(operator: Operator, everywhere: Any, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE notes_of_tomorrow (operator_id uuid, remark jsonb)")
        cursor.execute(
            "INSERT INTO notes_of_tomorrow VALUES (%s, jsonb_build_object('about', %s::text))",
            [operator.id, everywhere.pseudonym],
        )

    with pytest.raises(ErasureIncomplete, match="notes_of_tomorrow"):
        erase(operator, everywhere, at)


def test_a_reply_that_can_no_longer_be_opened_goes_too(operator: Operator, everywhere: Any, at: datetime) -> None:
    Reply.objects.update(body=b"sealed under a key of another day")

    erase(operator, everywhere, at)

    assert not Reply.objects.exists()


def test_replies_about_others_stay(operator: Operator, everywhere: Any, replied: Any, at: datetime) -> None:
    other = replied("something else")

    erase(operator, everywhere, at)

    assert [reply.id for reply in Reply.objects.all()] == [other.id]


def test_an_unknown_subject_is_refused_and_not_written_into_the_journal(operator: Operator, at: datetime) -> None:
    with pytest.raises(UnknownSubject):
        services.erase(operator_id=operator.id, subject_id=uuid.uuid4(), actor="a", at=at)

    assert journal.read(operator.id) == frozenset()


def test_another_operators_subject_cannot_be_erased(
    operator: Operator, other_operator: Operator, person: Any, at: datetime
) -> None:
    subject = person()

    with pytest.raises(UnknownSubject):
        services.erase(operator_id=other_operator.id, subject_id=subject.id, actor="a", at=at)

    with operator_scope(operator.id):
        assert Subject.objects.filter(id=subject.id).exists()


class TestRestore:
    """A backup that brings somebody back does not bring them back for long."""

    def test_the_sweep_erases_again_whom_a_restore_brought_back(
        self, operator: Operator, person: Any, at: datetime
    ) -> None:
        subject = person()
        backup = transaction.savepoint()
        erase(operator, subject, at)
        transaction.savepoint_rollback(backup)
        assert Subject.objects.filter(id=subject.id).exists()

        done = services.sweep(operator_id=operator.id, at=at)

        assert done["erasures_repeated"] == 1
        assert not Subject.objects.filter(id=subject.id).exists()
        assert not Template.objects.exists()
        assert services.sweep(operator_id=operator.id, at=at)["erasures_repeated"] == 0

    def test_others_are_left_alone(self, operator: Operator, person: Any, at: datetime) -> None:
        gone, stays = person(), person()
        erase(operator, gone, at)

        services.sweep(operator_id=operator.id, at=at)

        assert [row.id for row in Subject.objects.all()] == [stays.id]

    def test_the_journal_names_nobody_and_is_private(self, operator: Operator, person: Any, at: datetime) -> None:
        subject = person()
        erase(operator, subject, at)

        path = journal.path_of(operator.id)
        assert path.read_text() == f"{digest_of(subject.id)}\n"
        assert path.stat().st_mode & 0o777 == 0o600

    def test_a_subject_is_written_once(self, operator: Operator) -> None:
        subject_id = uuid.uuid4()
        journal.write(operator.id, subject_id)
        journal.write(operator.id, subject_id)

        assert journal.path_of(operator.id).read_text().count("\n") == 1


def test_somebody_erased_cannot_be_looked_up_any_more(operator: Operator, everywhere: Any, at: datetime) -> None:
    erase(operator, everywhere, at)

    people = subjects.selectors.people(operator_id=operator.id, subject_ids=[everywhere.id], venue_id=None, at=at)
    assert people == {}
    assert identities.selectors.enrolled(operator_id=operator.id, subject_ids=[everywhere.id]) == set()
