"""The subjects' part of the API: what is accepted, answered and refused."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

import subjects.services
from accounts.models import Operator
from audit.models import Entry
from core.ids import public_id
from core.tenancy import operator_scope
from subjects.models import Consent, ConsentEntry, NoticeView, Receipt, Subject


def rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def test_a_kiosk_registers_somebody_without_a_camera(client_with: Any, notice: Any) -> None:
    body = {"notice": notice.public_id, "purposes": ["personalise", "learn"]}

    answer = client_with("kiosk").post("/v1/subjects", body, format="json")

    assert answer.status_code == 201, answer.content
    taken, subject = answer.json(), Subject.objects.get()
    assert (taken["subject"], taken["pseudonym"], subject.origin) == (subject.public_id, subject.pseudonym, "kiosk")
    assert taken["receipt_url"].rpartition("/")[2].startswith("vtr_")
    assert taken["loyalty_token"].startswith("vtl_")
    assert set(Consent.objects.values_list("purpose", flat=True)) == {"personalise", "learn"}


def test_consents_can_be_limited_in_place_and_time(client_with: Any, notice: Any, at: datetime) -> None:
    venue_id, end = uuid.uuid4(), at + timedelta(days=2)
    body = {
        "notice": notice.public_id, "purposes": ["measure"], "venue": public_id("ven", venue_id),
        "expires_at": end.isoformat(),
    }  # fmt: skip

    assert client_with("subjects").post("/v1/subjects", body, format="json").status_code == 201

    consent = Consent.objects.get()
    assert (consent.venue_id, consent.expires_at) == (venue_id, end)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"purposes": []}, 400, "malformed"),
        ({"purposes": "recognise"}, 400, "malformed"),
        ({"purposes": ["emotion"]}, 400, "malformed"),
        ({"notice": "ntc_01"}, 400, "malformed_id"),
        ({"notice": public_id("ntc", uuid.uuid4())}, 404, "unknown_notice"),
        ({"venue": "scr_x"}, 400, "malformed_id"),
        ({"expires_at": "tomorrow"}, 400, "malformed"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "consent_term_invalid"),
    ],
)
def test_a_registration_of_the_wrong_shape_is_refused_and_nothing_stored(
    client_with: Any, notice: Any, change: dict[str, Any], status: int, code: str
) -> None:
    client = client_with("kiosk")
    before = rows()

    answer = client.post("/v1/subjects", {"notice": notice.public_id, "purposes": ["learn"]} | change, format="json")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert rows() == before


def test_a_registration_is_done_once_per_idempotency_key(client_with: Any, notice: Any) -> None:
    client = client_with("kiosk")
    body = {"notice": notice.public_id, "purposes": ["personalise"]}

    first, second = [
        client.post("/v1/subjects", body, format="json", HTTP_IDEMPOTENCY_KEY="registration-1") for _ in range(2)
    ]

    assert first.json() == second.json()
    assert Subject.objects.count() == 1


def test_a_kiosk_registers_but_does_not_list(client_with: Any, registered: Any) -> None:
    registered("learn")

    assert client_with("kiosk").get("/v1/subjects").status_code == 403


def test_subjects_are_listed_page_by_page(client_with: Any, registered: Any) -> None:
    made = [registered("learn").subject for _ in range(3)]
    client = client_with("subjects")

    first = client.get("/v1/subjects?limit=2").json()
    second = client.get(f"/v1/subjects?limit=2&cursor={first['next_cursor']}").json()

    assert [item["id"] for item in first["items"] + second["items"]] == [s.public_id for s in reversed(made)]
    assert second["next_cursor"] is None
    assert first["items"][0]["consents"][0]["purpose"] == "learn"


def test_subjects_are_found_by_a_part_of_the_pseudonym(client_with: Any, registered: Any) -> None:
    subject = registered("learn").subject
    registered("learn")
    Subject.objects.filter(id=subject.id).update(pseudonym="amber-heron-4821")

    found = client_with("subjects").get("/v1/subjects?search=HERON-48").json()["items"]

    assert [item["pseudonym"] for item in found] == ["amber-heron-4821"]


def test_reading_a_subject_is_audited(client_with: Any, registered: Any) -> None:
    subject = registered("learn").subject

    answer = client_with("subjects").get(f"/v1/subjects/{subject.public_id}")

    assert answer.json()["pseudonym"] == subject.pseudonym
    assert Entry.objects.get(action="subject.read").target == subject.public_id


def test_the_ledger_of_a_subject_can_be_read(client_with: Any, registered: Any, notice: Any) -> None:
    subject = registered("learn").subject

    [entry] = client_with("subjects").get(f"/v1/consents?subject={subject.public_id}").json()["items"]

    assert (entry["purpose"], entry["action"], entry["notice"], entry["venue"]) == (
        "learn", "given", notice.public_id, None,
    )  # fmt: skip


def test_more_consent_can_be_given_and_withdrawn(client_with: Any, registered: Any, notice: Any) -> None:
    subject, client = registered("learn").subject, client_with("subjects")
    body = {"subject": subject.public_id, "notice": notice.public_id, "purposes": ["share", "measure"]}

    given = client.post("/v1/consents", body, format="json")
    withdrawn = client.post(
        "/v1/consents/withdrawals", {"subject": subject.public_id, "purposes": ["share", "learn"]}, format="json"
    )
    again = client.post("/v1/consents/withdrawals", {"subject": subject.public_id}, format="json")

    assert (given.status_code, [item["purpose"] for item in given.json()["items"]]) == (201, ["measure", "share"])
    assert sorted(withdrawn.json()["withdrawn"]) == ["learn", "share"]
    assert again.json() == {"withdrawn": ["measure"]}


@pytest.mark.parametrize(("method", "path"), [("get", "/v1/subjects/{}"), ("get", "/v1/consents?subject={}")])
def test_an_unknown_subject_is_not_found(client_with: Any, method: str, path: str) -> None:
    answer = getattr(client_with("subjects"), method)(path.format(public_id("sub", uuid.uuid4())))

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_subject")


def test_another_operators_subject_is_not_found_and_not_withdrawn(
    client_with: Any, other_operator: Operator, at: datetime
) -> None:
    with operator_scope(other_operator.id):
        notice = subjects.services.publish_notice(operator_id=other_operator.id, title="t", text="t")
        theirs = subjects.services.register(
            operator_id=other_operator.id, origin="api", notice=notice, purposes=["learn"], channel="c", actor="a",
            method="m", at=at,
        ).subject  # fmt: skip
    client = client_with("subjects")

    read = client.get(f"/v1/subjects/{theirs.public_id}")
    ended = client.post("/v1/consents/withdrawals", {"subject": theirs.public_id}, format="json")
    given = client.post(
        "/v1/consents", {"subject": theirs.public_id, "notice": notice.public_id, "purposes": ["learn"]}, format="json"
    )

    assert (read.status_code, ended.status_code, given.status_code) == (404, 404, 404)
    assert client.get("/v1/subjects").json()["items"] == []
    with operator_scope(other_operator.id):
        assert ConsentEntry.objects.filter(action="withdrawn").count() == 0


def test_the_notice_in_force_is_shown_in_the_language_asked_for(
    client_with: Any, operator: Operator, notice: Any
) -> None:
    german = subjects.services.publish_notice(
        operator_id=operator.id, title="Hier bekannt sein", text="…", language="de", version=notice.version
    )
    client = client_with("kiosk")

    assert client.get("/v1/notices/current?language=de").json()["id"] == german.public_id
    english = client.get("/v1/notices/current?language=fr").json()
    assert (english["id"], english["version"], len(english["sha256"])) == (notice.public_id, 1, 64)
    assert set(english["purposes"]) == {"recognise", "personalise", "learn", "measure", "share"}


def test_without_a_notice_there_is_none(client_with: Any, operator: Operator) -> None:
    answer = client_with("device").get("/v1/notices/current")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_notice")


def test_a_notice_view_is_recorded_without_saying_who_looked(client_with: Any, notice: Any) -> None:
    screen_id = uuid.uuid4()

    answer = client_with("kiosk").post(
        "/v1/notice-views", {"notice": notice.public_id, "screen": public_id("scr", screen_id)}, format="json"
    )

    view = NoticeView.objects.get()
    assert (answer.status_code, answer.json()["id"]) == (201, view.public_id)
    assert (view.notice_id, view.screen_id, view.channel) == (notice.id, screen_id, "kiosk")


class TestReceipts:
    """Whoever holds the receipt sees and withdraws; no other credential is needed."""

    def test_the_holder_sees_their_consents(self, api: APIClient, registered: Any) -> None:
        registration = registered("recognise", "learn")

        shown = api.get(f"/v1/receipts/{registration.receipt_token}").json()

        assert shown["pseudonym"] == registration.subject.pseudonym
        assert [(c["purpose"], c["state"]) for c in shown["consents"]] == [("learn", "given"), ("recognise", "given")]

    def test_the_holder_withdraws_one_or_all(self, api: APIClient, operator: Operator, registered: Any) -> None:
        token = registered("recognise", "learn", "share").receipt_token

        one = api.post(f"/v1/receipts/{token}/withdrawals", {"purposes": ["recognise"]}, format="json")
        rest = api.post(f"/v1/receipts/{token}/withdrawals", {}, format="json")

        assert one.json() == {"withdrawn": ["recognise"]}
        assert rest.json() == {"withdrawn": ["learn", "share"]}
        withdrawn = ConsentEntry.objects.filter(action="withdrawn")
        assert {(entry.channel, entry.actor.split("_")[0]) for entry in withdrawn} == {("portal", "receipt:rcp")}

    @pytest.mark.parametrize("token", ["vtr_unknown", "x", "%00"])
    def test_an_unknown_receipt_shows_nothing(self, api: APIClient, db: None, token: str) -> None:
        assert api.get(f"/v1/receipts/{token}").json()["code"] == "unknown_receipt"
        assert api.post(f"/v1/receipts/{token}/withdrawals", {}, format="json").status_code == 404

    def test_only_a_digest_of_the_token_is_stored(self, registered: Any) -> None:
        token = registered("learn").receipt_token

        assert len(bytes(Receipt.objects.get().digest)) == 32
        assert token.encode() not in bytes(Receipt.objects.get().digest)

    def test_a_new_receipt_can_be_issued_to_who_lost_theirs(
        self, api: APIClient, operator: Operator, registered: Any
    ) -> None:
        subject = registered("learn").subject

        token = subjects.services.issue_receipt(operator_id=operator.id, subject_id=subject.id, actor="member:x")

        assert api.get(f"/v1/receipts/{token}").json()["pseudonym"] == subject.pseudonym
