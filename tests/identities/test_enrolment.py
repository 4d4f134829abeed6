"""Enrolment: consent and template together or neither, and only from a good picture of one person."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from PIL import Image, ImageFilter
from rest_framework.test import APIClient

import subjects.services
from accounts.models import Operator
from audit.models import Entry
from core.ids import parse_public_id
from core.tenancy import operator_scope
from identities import faces, keys
from identities.errors import AlreadyEnrolled, ProtectionKeyLost, RecognitionNotConsented
from identities.models import Template
from subjects.models import ConsentEntry, Subject


def rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def ask(
    client: APIClient, notice: Any, frame: bytes, *purposes: str, content_type: str = "image/jpeg", **fields: Any
) -> Any:
    body = {
        "frame": SimpleUploadedFile("frame.jpg", frame, content_type), "notice": notice.public_id,
        "purposes": list(purposes or ("recognise", "personalise")), "attended": True, **fields,
    }  # fmt: skip
    return client.post("/v1/enrolments", body, format="multipart")


def encoded(picture: Image.Image, kind: str = "JPEG") -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def test_a_kiosk_enrols_somebody_and_hands_out_receipt_and_loyalty_token(
    kiosk: APIClient, notice: Any, frame_of: Any, operator: Operator
) -> None:
    answer = ask(kiosk, notice, frame_of("obama"))

    assert answer.status_code == 201, answer.content
    taken = answer.json()
    subject = Subject.objects.get(id=parse_public_id("sub", taken["subject"]))
    assert taken["pseudonym"] == subject.pseudonym
    assert "/receipt/vtr_" in taken["receipt_url"]
    assert taken["receipt_qr"].startswith("data:image/svg+xml")
    assert taken["loyalty_qr"].startswith("data:image/svg+xml")
    template = Template.objects.get()
    assert template.subject_id == subject.id
    assert set(template.quality) == {"score", "eye_distance", "sharpness"}
    actions = Entry.objects.filter(target=subject.public_id).order_by("number").values_list("action", flat=True)
    assert list(actions) == ["consent.given", "subject.registered", "subject.enrolled"]


def test_the_stored_vector_is_protected_by_a_key_outside_the_database(
    operator: Operator, enrolled: Any, frame_of: Any
) -> None:
    import faceid.image
    from identities.faces import pipeline

    enrolled("obama")
    plain = pipeline().enrolment(faceid.image.decode(frame_of("obama"))).embedding
    stored = np.asarray(Template.objects.get().embedding, dtype=np.float32)

    assert abs(float(stored @ plain)) < 0.5
    assert float(stored @ faces.protection(operator.id).apply(plain)) == pytest.approx(1.0, abs=1e-5)
    path = keys.store().path_of(operator.id)
    assert path.stat().st_mode & 0o777 == 0o600


def test_consents_can_be_limited_to_the_kiosks_venue(kiosk: APIClient, notice: Any, frame_of: Any, screen: Any) -> None:
    answer = ask(kiosk, notice, frame_of("obama"), here_only=True)

    assert answer.status_code == 201
    assert {entry.venue_id for entry in ConsentEntry.objects.all()} == {screen.venue_id}


def test_without_consent_to_recognise_no_face_is_enrolled(kiosk: APIClient, notice: Any, frame_of: Any) -> None:
    before = rows()

    answer = ask(kiosk, notice, frame_of("obama"), "personalise")

    assert (answer.status_code, answer.json()["code"]) == (422, "recognition_not_consented")
    assert rows() == before


@pytest.fixture
def bad_picture(photograph: Callable[[str], Image.Image], frame_of: Any) -> Callable[[str], tuple[bytes, str]]:
    """A picture that must be refused, and its content type."""

    def call(what: str) -> tuple[bytes, str]:
        person = photograph("obama")
        person.thumbnail((640, 640))
        match what:
            case "nobody":
                return frame_of("cat"), "image/jpeg"
            case "two people":
                return frame_of("obama", "biden"), "image/jpeg"
            case "blurred":
                return encoded(person.filter(ImageFilter.GaussianBlur(9))), "image/jpeg"
            case "tiny":
                frame = Image.new("RGB", (640, 480), "grey")
                person.thumbnail((110, 110))
                frame.paste(person, (200, 200))
                return encoded(frame), "image/jpeg"
            case "no image":
                return b"I am no picture" * 50, "image/jpeg"
            case "truncated":
                return frame_of("obama")[:6000], "image/jpeg"
            case "wide":
                return encoded(Image.new("L", (20_000, 10)), "PNG"), "image/png"
            case "bomb":
                return encoded(Image.new("1", (8_000, 8_000)), "PNG"), "image/png"
            case "gif":
                return encoded(Image.new("P", (64, 64)), "GIF"), "image/gif"
            case "empty":
                return b"", "image/jpeg"
        raise AssertionError(what)

    return call


@pytest.mark.parametrize(
    ("what", "status", "codes"),
    [
        ("nobody", 422, {"no_face"}),
        ("two people", 422, {"several_faces"}),
        ("blurred", 422, {"face_blurred", "face_unclear"}),
        ("tiny", 422, {"face_too_small"}),
        ("no image", 422, {"not_an_image"}),
        ("truncated", 422, {"truncated_image"}),
        ("wide", 422, {"image_too_large"}),
        ("bomb", 422, {"image_too_large"}),
        ("gif", 415, {"unsupported_image_type"}),
        ("empty", 400, {"malformed"}),
    ],
)
def test_a_picture_that_cannot_be_used_is_refused_and_nothing_stored(
    kiosk: APIClient, notice: Any, bad_picture: Any, what: str, status: int, codes: set[str]
) -> None:
    before = rows()
    frame, content_type = bad_picture(what)

    answer = ask(kiosk, notice, frame, content_type=content_type)

    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] in codes
    assert rows() == before


def test_a_body_that_is_no_multipart_is_refused(kiosk: APIClient) -> None:
    answer = kiosk.post("/v1/enrolments", {"frame": "x"}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_missing_frame_is_named(kiosk: APIClient, notice: Any) -> None:
    answer = kiosk.post("/v1/enrolments", {"notice": notice.public_id, "purposes": ["recognise"]}, format="multipart")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "frame")


@pytest.mark.parametrize(
    "fields", [{"notice": "ntc_x"}, {"purposes": ["emotion"]}, {"purposes": []}, {"expires_at": "soon"}]
)
def test_malformed_fields_are_refused_and_nothing_stored(
    kiosk: APIClient, notice: Any, frame_of: Any, fields: dict[str, Any]
) -> None:
    before = rows()
    body = {
        "frame": SimpleUploadedFile("f.jpg", frame_of("obama"), "image/jpeg"), "notice": notice.public_id,
        "purposes": ["recognise"], "attended": True, **fields,
    }  # fmt: skip

    answer = kiosk.post("/v1/enrolments", body, format="multipart")

    assert answer.status_code == 400, answer.content
    assert rows() == before


def test_a_player_that_is_no_kiosk_may_not_enrol(player: APIClient, notice: Any, frame_of: Any) -> None:
    answer = ask(player, notice, frame_of("obama"))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert not Subject.objects.exists()


def test_the_same_enrolment_sent_twice_is_done_once(kiosk: APIClient, notice: Any, frame_of: Any) -> None:
    first, second = [
        kiosk.post(
            "/v1/enrolments",
            {
                "frame": SimpleUploadedFile("f.jpg", frame_of("obama"), "image/jpeg"), "notice": notice.public_id,
                "purposes": ["recognise"], "attended": True,
            },
            format="multipart", HTTP_IDEMPOTENCY_KEY="kiosk-7-0001",
        )
        for _ in range(2)
    ]  # fmt: skip

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert Subject.objects.count() == 1


def test_a_face_is_enrolled_once(enrolled: Any) -> None:
    enrolled("obama")
    before = rows()

    with pytest.raises(AlreadyEnrolled):
        enrolled("obama_again")

    assert rows() == before


def test_who_withdrew_may_enrol_again(operator: Operator, enrolled: Any, at: datetime) -> None:
    first = enrolled("obama").subject
    subjects.services.withdraw_all(operator_id=operator.id, subject_id=first.id, channel="c", actor="a", at=at)

    second = enrolled("obama_again").subject

    assert [template.subject_id for template in Template.objects.all()] == [second.id]


def test_the_service_refuses_an_enrolment_without_consent(enrolled: Any) -> None:
    with pytest.raises(RecognitionNotConsented):
        enrolled("obama", "personalise", "learn")

    assert not Subject.objects.exists()


def test_the_database_refuses_a_template_without_a_consent(
    operator: Operator, enrolled: Any, notice: Any, at: datetime
) -> None:
    vector = Template.objects.get(subject=enrolled("obama").subject).embedding
    bare = subjects.services.register(
        operator_id=operator.id, origin="kiosk", notice=notice, purposes=["personalise"], channel="kiosk",
        actor="device:x", method="tick_box", at=at,
    ).subject  # fmt: skip

    with pytest.raises(IntegrityError, match="live consent"), transaction.atomic():
        Template.objects.create(operator_id=operator.id, subject_id=bare.id, contract="emb_x", embedding=vector)
    with pytest.raises(IntegrityError, match="live consent"), transaction.atomic():
        Template.objects.update(subject_id=bare.id)

    assert Template.objects.count() == 1


def test_the_database_refuses_a_template_after_the_consents_end(
    operator: Operator, enrolled: Any, at: datetime
) -> None:
    subject = enrolled("obama").subject
    vector = Template.objects.get().embedding
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE subjects_consent SET given_at = now() - interval '2 days', expires_at = now() - interval '1 day'"
        )

    with pytest.raises(IntegrityError, match="live consent"), transaction.atomic():
        Template.objects.create(operator_id=operator.id, subject_id=subject.id, contract="emb_x", embedding=vector)


def test_the_database_refuses_what_is_no_unit_vector(operator: Operator, enrolled: Any) -> None:
    subject = enrolled("obama").subject

    with pytest.raises(IntegrityError, match="unit_vector"), transaction.atomic():
        Template.objects.create(operator_id=operator.id, subject_id=subject.id, contract="emb_x", embedding=[3.0, 4.0])


@pytest.mark.parametrize("how", ["withdraw", "expire", "delete"])
def test_the_template_goes_in_the_transaction_that_ends_the_consent(
    operator: Operator, enrolled: Any, at: datetime, how: str
) -> None:
    subject = enrolled("obama", expires_at=at + timedelta(hours=1)).subject
    enrolled("biden")
    match how:
        case "withdraw":
            subjects.services.withdraw_consent(
                operator_id=operator.id, subject_id=subject.id, purpose="recognise", channel="c", actor="a", at=at
            )
        case "expire":
            subjects.services.expire_consents(operator_id=operator.id, at=at + timedelta(hours=1))
        case "delete":
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM subjects_consent WHERE subject_id = %s", [subject.id])

    assert not Template.objects.filter(subject_id=subject.id).exists()
    assert Template.objects.count() == 1


def test_withdrawing_something_else_keeps_the_template(operator: Operator, enrolled: Any, at: datetime) -> None:
    subject = enrolled("obama").subject

    subjects.services.withdraw_consent(
        operator_id=operator.id, subject_id=subject.id, purpose="personalise", channel="c", actor="a", at=at
    )

    assert Template.objects.count() == 1


def test_a_lost_key_is_reported_instead_of_replaced(
    operator: Operator, enrolled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled("obama")
    keys.store().path_of(operator.id).unlink()
    monkeypatch.setattr(keys, "_opened", {})

    with pytest.raises(ProtectionKeyLost):
        faces.protection(operator.id)

    assert not keys.store().path_of(operator.id).exists()


def test_two_operators_templates_of_one_face_have_nothing_in_common(
    operator: Operator, other_operator: Operator, enrolled: Any, frame_of: Any, at: datetime
) -> None:
    from identities.services import Demonstrated, enrol

    enrolled("obama")
    mine = np.asarray(Template.objects.get().embedding)
    with operator_scope(other_operator.id):
        notice = subjects.services.publish_notice(operator_id=other_operator.id, title="t", text="t")
        enrol(
            operator_id=other_operator.id, frame=frame_of("obama"), content_type=None, notice=notice,
            purposes=["recognise"], channel="kiosk", actor="a", at=at, proof=Demonstrated(),
        )  # fmt: skip
        theirs = np.asarray(Template.objects.get(operator_id=other_operator.id).embedding)

    assert abs(float(mine @ theirs)) < 0.5
