"""Rights requests: recorded, answered within their term, and erasures carried out by a task."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

import subjects.services
from accounts.models import Operator
from audit.models import Entry
from core.ids import public_id
from core.models import Reply
from core.tenancy import operator_scope
from privacy import services, tasks
from privacy.models import Certificate, RightsRequest
from subjects.models import ConsentEntry, NoticeView, Subject


def ask(client: APIClient, subject: Any, kind: str, **fields: Any) -> Any:
    return client.post("/v1/rights-requests", {"subject": subject.public_id, "kind": kind, **fields}, format="json")


def test_an_access_request_is_answered_with_everything_kept(
    officer: APIClient, operator: Operator, person: Any, decided: Any
) -> None:
    subject = person()
    decision = decided(subject)

    answer = ask(officer, subject, "access")

    assert answer.status_code == 201, answer.content
    kept = answer.json()["kept"]
    assert (kept["subject"], kept["pseudonym"]) == (subject.public_id, subject.pseudonym)
    assert sorted(entry["purpose"] for entry in kept["consents"]) == ["learn", "personalise", "recognise"]
    assert kept["remembered"][0]["creative"] == "crv_a"
    assert [item["decision"] for item in kept["decisions"]] == [decision.public_id]
    assert len(kept["templates"]) == 1
    assert "embedding" not in answer.content.decode()
    assert RightsRequest.objects.get().state == "done"
    assert Entry.objects.filter(action="rights.access", target=subject.public_id).count() == 1


def test_an_erasure_is_queued_once_the_request_is_stored(
    officer: APIClient, person: Any, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("core.queue._send", lambda task, args: sent.append((task, args)))
    subject = person()

    with django_capture_on_commit_callbacks(execute=True):
        answer = ask(officer, subject, "erasure", note="please")

    asked = RightsRequest.objects.get()
    assert (answer.status_code, answer.json()["state"], answer.json()["kept"]) == (201, "open", None)
    assert ("privacy.erase", (str(asked.id),)) in sent
    assert asked.due_at - asked.asked_at == timedelta(days=30)
    assert Subject.objects.filter(id=subject.id).exists()


def test_the_task_carries_the_erasure_out_and_the_request_shows_the_certificate(
    officer: APIClient, operator: Operator, person: Any
) -> None:
    subject = person()
    request_id = ask(officer, subject, "erasure", note="I am leaving").json()["id"]

    tasks.erase(str(RightsRequest.objects.get().id))

    shown = officer.get(f"/v1/rights-requests/{request_id}").json()
    certificate = Certificate.objects.get()
    assert (shown["state"], shown["subject"], shown["certificate"]["id"]) == ("done", None, certificate.public_id)
    assert shown["certificate"]["signature"] == bytes(certificate.signature).hex()
    assert RightsRequest.objects.get().note == ""
    assert not Subject.objects.exists()


def test_carrying_out_twice_changes_nothing(operator: Operator, person: Any, at: datetime) -> None:
    subject = person()
    asked = services.ask(operator_id=operator.id, subject_id=subject.id, kind="erasure", channel="c", actor="a", at=at)
    first = services.carry_out(operator_id=operator.id, request_id=asked.id, at=at)
    second = services.carry_out(operator_id=operator.id, request_id=asked.id, at=at)

    assert first.certificate_id == second.certificate_id
    assert Certificate.objects.count() == 1


def test_asking_twice_for_an_erasure_is_one_request(operator: Operator, person: Any, at: datetime) -> None:
    subject = person()
    asked = {"operator_id": operator.id, "subject_id": subject.id, "kind": "erasure", "channel": "c", "actor": "a"}

    assert services.ask(**asked, at=at).id == services.ask(**asked, at=at).id
    assert RightsRequest.objects.count() == 1


def test_an_erasure_that_stays_incomplete_is_marked_and_tried_again_by_the_sweep(
    operator: Operator, person: Any, at: datetime, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    subject = person()
    asked = services.ask(operator_id=operator.id, subject_id=subject.id, kind="erasure", channel="c", actor="a", at=at)
    with monkeypatch.context() as broken:
        broken.setattr(subjects.services, "forget", lambda **person: {})
        failed = services.carry_out(operator_id=operator.id, request_id=asked.id, at=at)
    assert (failed.state, failed.subject_id) == ("failed", subject.id)
    assert "subjects_subject" in failed.reason
    assert Subject.objects.filter(id=subject.id).exists()

    sent: list[Any] = []
    monkeypatch.setattr("core.queue._send", lambda task, args: sent.append((task, args)))
    monkeypatch.setattr("privacy.services.retention.repeat_erasures", lambda **values: 0)
    with django_capture_on_commit_callbacks(execute=True):
        services.sweep(operator_id=operator.id, at=at + timedelta(minutes=6))
    assert sent == [("privacy.erase", (str(asked.id),))]

    assert services.carry_out(operator_id=operator.id, request_id=asked.id, at=at).state == "done"


def test_other_kinds_stay_open_until_somebody_answers(officer: APIClient, person: Any) -> None:
    answer = ask(officer, person(), "correction", note="Not my taste.")

    assert (answer.json()["state"], answer.json()["kept"]) == ("open", None)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "access"}, 400, "malformed"),
        ({"subject": "sub_1", "kind": "access"}, 400, "malformed_id"),
        ({"subject": public_id("sub", uuid.uuid4()), "kind": "access"}, 404, "unknown_subject"),
        ({"subject": public_id("sub", uuid.uuid4()), "kind": "erasure"}, 404, "unknown_subject"),
        ({"subject": public_id("sub", uuid.uuid4()), "kind": "amnesia"}, 400, "malformed"),
    ],
)
def test_a_request_of_the_wrong_shape_is_refused(
    officer: APIClient, body: dict[str, Any], status: int, code: str
) -> None:
    answer = officer.post("/v1/rights-requests", body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not RightsRequest.objects.exists()


def test_requests_are_listed_newest_first_by_state(officer: APIClient, person: Any) -> None:
    subject = person()
    ask(officer, subject, "access")
    ask(officer, subject, "objection")

    everything = officer.get("/v1/rights-requests").json()["items"]
    still_open = officer.get("/v1/rights-requests?state=open").json()["items"]

    assert [item["kind"] for item in everything] == ["objection", "access"]
    assert [item["kind"] for item in still_open] == ["objection"]
    assert officer.get("/v1/rights-requests?state=lost").status_code == 400


def test_another_operators_request_is_not_found(
    officer: APIClient, other_operator: Operator, person: Any, at: datetime
) -> None:
    with operator_scope(other_operator.id):
        notice = subjects.services.publish_notice(operator_id=other_operator.id, title="t", text="t")
        theirs = subjects.services.register(
            operator_id=other_operator.id, origin="api", notice=notice, purposes=["learn"], channel="c", actor="a",
            method="m", at=at,
        ).subject  # fmt: skip
        asked = services.ask(
            operator_id=other_operator.id, subject_id=theirs.id, kind="objection", channel="c", actor="a", at=at
        )

    assert officer.get(f"/v1/rights-requests/{asked.public_id}").status_code == 404
    assert officer.get("/v1/rights-requests").json()["items"] == []
    assert ask(officer, theirs, "erasure").status_code == 404


def test_the_database_refuses_a_finished_erasure_without_a_certificate(
    operator: Operator, person: Any, at: datetime
) -> None:
    asked = services.ask(operator_id=operator.id, subject_id=person().id, kind="erasure", channel="c", actor="a", at=at)

    with pytest.raises(IntegrityError, match="erasure_is_certified"), transaction.atomic():
        RightsRequest.objects.filter(id=asked.id).update(state="done", finished_at=at)


class TestSweep:
    """What time asks for, every five minutes."""

    def test_expired_consents_end_and_take_the_template_along(
        self, operator: Operator, person: Any, at: datetime
    ) -> None:
        from identities.models import Template

        person(expires_at=at + timedelta(hours=1))
        person()

        done = services.sweep(operator_id=operator.id, at=at + timedelta(hours=2))

        assert done["consents_expired"] == 3
        assert Template.objects.count() == 1
        assert ConsentEntry.objects.filter(action="expired").count() == 3

    def test_old_replies_and_notice_views_go(self, operator: Operator, notice: Any, replied: Any, at: datetime) -> None:
        old, new = replied("old"), replied("new")
        Reply.objects.filter(id=old.id).update(created_at=at - timedelta(hours=25))
        for days in (4 * 365, 1):
            subjects.services.show_notice(
                operator_id=operator.id, notice=notice, channel="kiosk", at=at - timedelta(days=days)
            )

        done = services.sweep(operator_id=operator.id, at=at)

        assert (done["replies"], done["notice_views"]) == (1, 1)
        assert [reply.id for reply in Reply.objects.all()] == [new.id]
        assert NoticeView.objects.count() == 1

    def test_the_task_goes_on_when_one_operator_is_in_trouble(
        self, operator: Operator, other_operator: Operator, person: Any, at: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        swept: list[uuid.UUID] = []

        def sweep(*, operator_id: uuid.UUID, at: datetime) -> dict[str, int]:
            if operator_id == operator.id:
                raise RuntimeError("trouble")
            swept.append(operator_id)
            return {}

        monkeypatch.setattr(services, "sweep", sweep)

        tasks.sweep()

        assert swept == [other_operator.id]


def test_an_unknown_request_is_no_work(db: None) -> None:
    tasks.erase(str(uuid.uuid4()))

    assert not Certificate.objects.exists()
