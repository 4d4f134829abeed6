"""Recognition: who consented here is known, everybody else is counted and leaves nothing."""

import logging
import tempfile
import uuid
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from django.apps import apps
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageFilter
from rest_framework.test import APIClient

import signage.services
import subjects.services
from accounts.models import Operator
from core.epochs import versions
from core.ids import public_id
from core.tenancy import operator_scope
from faceid.image import decode
from faceid.pipeline import Pipeline
from identities import faces, services, viewers
from identities.index import Index
from identities.services import Frame
from identities.viewers import How, ViewerState
from subjects.models import Consent


def states(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [viewer["state"] for viewer in answer.json()["viewers"]]


def subject_in(operator: Operator, screen: Any, answer: Any, at: datetime, place: int = 0) -> uuid.UUID | None:
    token = answer.json()["viewers"][place]["viewer"]
    return viewers.checked(viewers.opened(token), operator_id=operator.id, screen_id=screen.id, at=at).subject_id


def rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def files_below(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_an_enrolled_face_is_recognised_in_another_picture(
    operator: Operator, screen: Any, player: APIClient, enrolled: Any, frame_of: Any, show: Any, at: datetime
) -> None:
    subject = enrolled("obama").subject

    answer = show(player, frame_of("obama_again"))

    assert states(answer) == ["recognised"]
    assert subject_in(operator, screen, answer, at) == subject.id
    assert answer.json()["viewers"][0]["how"] == "face"


def test_a_stranger_is_anonymous(player: APIClient, enrolled: Any, frame_of: Any, show: Any) -> None:
    enrolled("obama")

    assert states(show(player, frame_of("biden"))) == ["anonymous"]
    assert states(show(player, frame_of("astronaut"))) == ["anonymous"]


def test_everybody_is_anonymous_where_nobody_enrolled(player: APIClient, frame_of: Any, show: Any) -> None:
    assert states(show(player, frame_of("obama"))) == ["anonymous"]


def test_of_two_people_only_the_enrolled_one_is_named(
    operator: Operator, screen: Any, player: APIClient, enrolled: Any, frame_of: Any, show: Any, at: datetime
) -> None:
    subject = enrolled("obama").subject

    answer = show(player, frame_of("biden", "obama_again"))

    assert sorted(states(answer)) == ["anonymous", "recognised"]
    assert {subject_in(operator, screen, answer, at, place) for place in (0, 1)} == {subject.id, None}


def test_a_subject_is_one_viewer_even_if_the_face_is_seen_twice(
    player: APIClient, enrolled: Any, frame_of: Any, show: Any
) -> None:
    enrolled("obama")

    assert sorted(states(show(player, frame_of("obama", "obama_again")))) == ["anonymous", "recognised"]


def test_a_face_too_poor_to_compare_is_a_bystander(
    player: APIClient, enrolled: Any, photograph: Any, show: Any
) -> None:
    enrolled("obama")
    person = photograph("obama")
    person.thumbnail((70, 70))
    frame = Image.new("RGB", (320, 240), "grey")
    frame.paste(person, (120, 80))
    buffer = BytesIO()
    frame.save(buffer, "PNG")

    assert states(show(player, buffer.getvalue(), "image/png")) == ["bystander"]


def test_the_answer_names_nobody_and_no_two_tokens_are_alike(
    player: APIClient, enrolled: Any, frame_of: Any, show: Any
) -> None:
    subject = enrolled("obama").subject

    first, second = show(player, frame_of("obama")), show(player, frame_of("obama"))

    fields = {"viewer", "state", "how", "expires_at", "liveness", "liveness_score"}
    assert set(first.json()["viewers"][0]) == fields
    for answer in (first, second):
        for form in (str(subject.id), subject.public_id, subject.pseudonym):
            assert form not in answer.content.decode()
    assert first.json()["viewers"][0]["viewer"] != second.json()["viewers"][0]["viewer"]


def test_withdrawn_means_stranger_at_once(
    operator: Operator, player: APIClient, enrolled: Any, frame_of: Any, show: Any, at: datetime
) -> None:
    subject = enrolled("obama").subject
    assert states(show(player, frame_of("obama"))) == ["recognised"]

    subjects.services.withdraw_consent(
        operator_id=operator.id, subject_id=subject.id, purpose="recognise", channel="kiosk", actor="a", at=at
    )

    assert states(show(player, frame_of("obama"))) == ["anonymous"]


def test_every_process_sees_a_withdrawal_before_its_next_answer(
    operator: Operator, enrolled: Any, at: datetime
) -> None:
    first_process, second_process = Index(), Index()
    subject = enrolled("obama").subject
    enrolled("biden")
    seen = versions(operator_id=operator.id)
    assert len(first_process.gallery(operator.id, seen)) == len(second_process.gallery(operator.id, seen)) == 2

    subjects.services.withdraw_consent(
        operator_id=operator.id, subject_id=subject.id, purpose="recognise", channel="kiosk", actor="a", at=at
    )

    seen = versions(operator_id=operator.id)
    assert len(first_process.gallery(operator.id, seen)) == len(second_process.gallery(operator.id, seen)) == 1


def test_even_a_stale_index_names_nobody_who_withdrew(
    operator: Operator, screen: Any, enrolled: Any, frame_of: Any, at: datetime
) -> None:
    subject = enrolled("obama").subject
    stale = versions(operator_id=operator.id)
    shown = {"operator_id": operator.id, "screen_id": screen.id, "venue_id": screen.venue_id, "at": at}
    assert [v.state for v in services.recognise(**shown, shown=Frame(frame_of("obama")), versions=stale)] == [
        "recognised"
    ]
    subjects.services.withdraw_all(operator_id=operator.id, subject_id=subject.id, channel="c", actor="a", at=at)

    late = services.recognise(**shown, shown=Frame(frame_of("obama")), versions=stale)

    assert [viewer.state for viewer in late] == ["anonymous"]


def test_a_consent_that_runs_out_stops_matching_without_any_message(
    operator: Operator, screen: Any, enrolled: Any, frame_of: Any, at: datetime
) -> None:
    end = at + timedelta(hours=1)
    enrolled("obama", expires_at=end)
    shown = {"operator_id": operator.id, "screen_id": screen.id, "venue_id": screen.venue_id}
    frame = Frame(frame_of("obama"))

    before = services.recognise(**shown, shown=frame, at=end - timedelta(seconds=1))
    after = services.recognise(**shown, shown=frame, at=end)

    assert [viewer.state for viewer in before + after] == ["recognised", "anonymous"]


def test_a_consent_for_one_venue_does_not_match_at_another(
    operator: Operator, screen: Any, enrolled: Any, frame_of: Any, at: datetime
) -> None:
    enrolled("obama", venue_id=screen.venue_id, here_only=True)
    frame = Frame(frame_of("obama"))

    here = services.recognise(
        operator_id=operator.id, screen_id=screen.id, venue_id=screen.venue_id, shown=frame, at=at
    )
    there = services.recognise(operator_id=operator.id, screen_id=screen.id, venue_id=uuid.uuid4(), shown=frame, at=at)

    assert [viewer.state for viewer in here + there] == ["recognised", "anonymous"]


def test_another_operators_gallery_is_out_of_reach(
    other_operator: Operator, paired: Any, enrolled: Any, frame_of: Any, show: Any
) -> None:
    enrolled("obama")
    with operator_scope(other_operator.id):
        venue = signage.services.add_venue(
            operator_id=other_operator.id, name="Rival", category="retail", timezone="UTC", actor="a"
        )
        theirs = signage.services.add_screen(
            operator_id=other_operator.id, venue_id=venue.id, name="Rival screen", actor="a"
        )
        _, client = paired(theirs, operator_id=other_operator.id)

    assert states(show(client, frame_of("obama"))) == ["anonymous"]


def test_the_number_of_queries_depends_neither_on_faces_nor_on_templates(
    player: APIClient, enrolled: Any, frame_of: Any, show: Any, django_assert_num_queries: Any
) -> None:
    enrolled("obama")
    show(player, frame_of("obama"))

    with django_assert_num_queries(QUERIES):
        assert states(show(player, frame_of("obama"))) == ["recognised"]
    enrolled("biden")
    enrolled("astronaut")
    show(player, frame_of("obama"))
    with django_assert_num_queries(QUERIES):
        assert sorted(states(show(player, frame_of("obama_again", "biden")))) == ["recognised", "recognised"]
    with django_assert_num_queries(QUERIES):
        assert states(show(player, frame_of("astronaut"))) == ["recognised"]


QUERIES = 5
"""Savepoint of the request and its release, the caller, the epochs, the consents of who matched."""


def test_a_stranger_leaves_nothing(
    player: APIClient, enrolled: Any, frame_of: Any, show: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    enrolled("obama")
    frame = frame_of("biden")
    show(player, frame_of("obama"))
    store = redis.Redis.from_url(django_settings.REDIS_URL)
    folders = (tmp_path, Path(django_settings.MEDIA_ROOT).parent, Path(tempfile.gettempdir()) / "vitrine")
    places = (rows(), sorted(store.keys("*")), files_below(*folders), set(Path(tempfile.gettempdir()).iterdir()))
    caplog.set_level(logging.DEBUG)
    caplog.clear()

    assert states(show(player, frame)) == ["anonymous"]

    assert (
        rows(), sorted(store.keys("*")), files_below(*folders), set(Path(tempfile.gettempdir()).iterdir()),
    ) == places  # fmt: skip
    store.close()
    written = caplog.text
    assert "array(" not in written
    assert not [record for record in caplog.records if len(record.getMessage()) > 4000]
    assert frame[:64].hex() not in written


def test_a_frame_in_memory_is_all_django_may_make_of_an_upload() -> None:
    assert django_settings.FILE_UPLOAD_HANDLERS == ["django.core.files.uploadhandler.MemoryFileUploadHandler"]


class TestLoyalty:
    """The way without a camera, of equal value."""

    def ask(self, client: APIClient, token: str) -> Any:
        return client.post("/v1/recognitions", {"token": token}, format="json")

    def test_a_loyalty_token_is_recognised_without_consent_to_recognise(
        self, operator: Operator, screen: Any, player: APIClient, notice: Any, at: datetime
    ) -> None:
        registration = self.registered(operator, notice, at)

        answer = self.ask(player, registration.loyalty_token)

        assert states(answer) == ["recognised"]
        assert answer.json()["viewers"][0]["how"] == "loyalty"
        assert subject_in(operator, screen, answer, at) == registration.subject.id

    def test_it_ends_with_the_consent_to_personalise(
        self, operator: Operator, player: APIClient, notice: Any, at: datetime
    ) -> None:
        registration = self.registered(operator, notice, at)
        subjects.services.withdraw_all(
            operator_id=operator.id, subject_id=registration.subject.id, channel="c", actor="a", at=at
        )

        answer = self.ask(player, registration.loyalty_token)

        assert (answer.status_code, answer.json()["code"]) == (422, "loyalty_token_unknown")

    def test_it_does_not_count_once_it_has_run_out(
        self, operator: Operator, player: APIClient, notice: Any, at: datetime
    ) -> None:
        registration = self.registered(operator, notice, at)
        Consent.objects.update(given_at=at - timedelta(days=2), expires_at=at - timedelta(days=1))

        assert self.ask(player, registration.loyalty_token).json()["code"] == "loyalty_token_unknown"

    @pytest.mark.parametrize("token", ["vtl_nobody", "", "x" * 5000])
    def test_an_unknown_token_is_refused(self, player: APIClient, token: str) -> None:
        answer = self.ask(player, token)

        assert (answer.status_code, answer.json()["code"]) == (422, "loyalty_token_unknown")

    def test_a_token_of_another_operator_is_unknown(
        self, other_operator: Operator, player: APIClient, at: datetime
    ) -> None:
        with operator_scope(other_operator.id):
            theirs = subjects.services.publish_notice(operator_id=other_operator.id, title="t", text="t")
            registration = self.registered(other_operator, theirs, at)

        assert self.ask(player, registration.loyalty_token).json()["code"] == "loyalty_token_unknown"

    def registered(self, operator: Operator, notice: Any, at: datetime) -> Any:
        return subjects.services.register(
            operator_id=operator.id, origin="kiosk", notice=notice, purposes=["personalise"], channel="kiosk",
            actor="device:x", method="tick_box", at=at,
        )  # fmt: skip


class TestEmbeddings:
    """Players that embed by themselves send protected unit vectors and the contract they were made under."""

    def ask(self, client: APIClient, contract: Any, embeddings: Any) -> Any:
        return client.post("/v1/recognitions", {"contract": contract, "embeddings": embeddings}, format="json")

    def probe(self, operator: Operator, frame: bytes) -> list[float]:
        import faceid.image

        [face] = faces.pipeline().faces(faceid.image.decode(frame))
        assert face.embedding is not None
        vector: list[float] = faces.protection(operator.id).apply(face.embedding).tolist()
        return vector

    def test_a_protected_embedding_is_recognised(
        self, operator: Operator, screen: Any, player: APIClient, enrolled: Any, frame_of: Any, at: datetime
    ) -> None:
        subject = enrolled("obama").subject

        answer = self.ask(player, faces.contract(operator.id).id, [self.probe(operator, frame_of("obama_again"))])

        assert states(answer) == ["recognised"]
        assert subject_in(operator, screen, answer, at) == subject.id

    def test_an_unprotected_embedding_matches_nobody(
        self, operator: Operator, player: APIClient, enrolled: Any, frame_of: Any
    ) -> None:
        import faceid.image

        enrolled("obama")
        [face] = faces.pipeline().faces(faceid.image.decode(frame_of("obama")))
        assert face.embedding is not None

        assert states(self.ask(player, faces.contract(operator.id).id, [face.embedding.tolist()])) == ["anonymous"]

    @pytest.mark.parametrize("dimension", [64, 128, 512])
    def test_another_contract_is_a_conflict(self, player: APIClient, enrolled: Any, dimension: int) -> None:
        enrolled("obama")

        answer = self.ask(player, "emb_0123456789abcdef", [[1.0] + [0.0] * (dimension - 1)])

        assert (answer.status_code, answer.json()["code"]) == (409, "contract_mismatch")

    def test_a_flip_averaged_embedding_of_the_same_recogniser_is_a_conflict(
        self, operator: Operator, player: APIClient, enrolled: Any, frame_of: Any
    ) -> None:
        enrolled("obama")
        flipping = Pipeline.load(django_settings.FACE_MODELS, flip=True)
        protection = faces.protection(operator.id)
        vector = protection.apply(flipping.enrolment(decode(frame_of("obama"))).embedding)

        answer = self.ask(player, flipping.contract(protection.name).id, [vector.tolist()])

        assert (answer.status_code, answer.json()["code"]) == (409, "contract_mismatch")

    @pytest.mark.parametrize(
        "embeddings",
        [
            [], [[]], [[1.0] * 127], [[0.0] * 128], [[2.0] * 128], [["1"] * 128], [[True] * 128], [[None] * 128],
            [[1e308] * 128], [[0.0884] * 128] * 9, "text", {"a": 1}, [0.1] * 128, [[[0.1]] * 128],
        ],
    )  # fmt: skip
    def test_what_is_no_list_of_unit_vectors_is_malformed(
        self, operator: Operator, player: APIClient, embeddings: Any
    ) -> None:
        answer = self.ask(player, faces.contract(operator.id).id, embeddings)

        assert answer.status_code == 400, answer.content
        assert answer.json()["code"] == "malformed"

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
    def test_numbers_that_are_none_are_malformed(self, operator: Operator, player: APIClient, number: str) -> None:
        body = f'{{"contract": "{faces.contract(operator.id).id}", "embeddings": [[{", ".join([number] * 128)}]]}}'

        answer = player.post("/v1/recognitions", body, content_type="application/json")

        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")

    @pytest.mark.parametrize(
        "body",
        [{}, {"token": 7}, {"token": "x", "contract": "y"}, {"contract": "x"}, {"contract": 1, "embeddings": []}],
    )
    def test_a_body_of_the_wrong_shape_is_malformed(self, player: APIClient, body: dict[str, Any]) -> None:
        answer = player.post("/v1/recognitions", body, format="json")

        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


class TestRefusedFrames:
    """Whatever a broken camera sends gets a reason and leaves nothing."""

    def frame(self, what: str, frame_of: Any) -> tuple[bytes, str]:
        def encoded(picture: Image.Image, kind: str) -> bytes:
            buffer = BytesIO()
            picture.save(buffer, kind)
            return buffer.getvalue()

        match what:
            case "nobody":
                return frame_of("cat"), "image/jpeg"
            case "blurred to nothing":
                blurred = Image.open(BytesIO(frame_of("obama"))).filter(ImageFilter.GaussianBlur(40))
                return encoded(blurred, "JPEG"), "image/jpeg"
            case "no image":
                return b"\0\1\2" * 99, "image/jpeg"
            case "truncated":
                return frame_of("obama")[:5000], "image/jpeg"
            case "wide":
                return encoded(Image.new("L", (20_000, 4)), "PNG"), "image/png"
            case "bomb":
                return encoded(Image.new("1", (8_000, 8_000)), "PNG"), "image/png"
            case "gif":
                return encoded(Image.new("P", (64, 64)), "GIF"), "image/gif"
            case "gif called jpeg":
                return encoded(Image.new("P", (64, 64)), "GIF"), "image/jpeg"
            case "text part":
                return frame_of("obama"), "text/plain"
        raise AssertionError(what)

    @pytest.mark.parametrize(
        ("what", "status", "code"),
        [
            ("nobody", 422, "no_face"),
            ("blurred to nothing", 422, "no_face"),
            ("no image", 422, "not_an_image"),
            ("truncated", 422, "truncated_image"),
            ("wide", 422, "image_too_large"),
            ("bomb", 422, "image_too_large"),
            ("gif", 415, "unsupported_image_type"),
            ("gif called jpeg", 415, "unsupported_image_type"),
            ("text part", 415, "unsupported_image_type"),
        ],
    )
    def test_a_frame_that_cannot_be_used_gets_a_reason(
        self, player: APIClient, frame_of: Any, show: Any, what: str, status: int, code: str
    ) -> None:
        frame, content_type = self.frame(what, frame_of)
        before = rows()

        answer = show(player, frame, content_type)

        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer["Content-Type"] == "application/problem+json"
        assert rows() == before

    def test_a_body_of_another_type_is_refused(self, player: APIClient, frame_of: Any) -> None:
        answer = player.post("/v1/recognitions", frame_of("obama"), content_type="image/jpeg")

        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")

    def test_a_body_above_eight_mebibytes_is_refused_unread(self, player: APIClient) -> None:
        class Unreadable(BytesIO):
            def read(self, *args: Any) -> bytes:
                raise AssertionError("the body was read")

        answer = player.generic(
            "POST", "/v1/recognitions", b"", content_type="multipart/form-data; boundary=x",
            **{"wsgi.input": Unreadable(), "CONTENT_LENGTH": str(8 * 2**20 + 1)},
        )  # fmt: skip

        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    def test_a_multipart_body_without_a_frame_is_malformed(self, player: APIClient) -> None:
        answer = player.post("/v1/recognitions", {"other": "x"}, format="multipart")

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "frame")

    def test_a_broken_multipart_body_is_malformed(self, player: APIClient) -> None:
        answer = player.generic("POST", "/v1/recognitions", b"--y\r\nnonsense", content_type="multipart/form-data")

        assert answer.status_code == 400

    def test_thousands_of_fields_are_refused(self, player: APIClient) -> None:
        fields = {f"field{number}": "x" for number in range(1_500)}

        answer = player.post("/v1/recognitions", fields, format="multipart")

        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"


def test_without_a_token_nobody_recognises(api: APIClient, frame_of: Any, show: Any, db: None) -> None:
    assert show(api, frame_of("obama")).status_code == 401


def test_an_api_key_is_no_player(operator: Operator, api: APIClient, frame_of: Any, show: Any) -> None:
    from accounts.models import Scope
    from accounts.services import issue_api_key

    key = issue_api_key(operator_id=operator.id, name="x", scopes=[Scope.SUBJECTS, Scope.READ])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")

    assert show(api, frame_of("obama")).status_code == 403


def test_a_viewer_counts_for_thirty_seconds(
    operator: Operator, screen: Any, enrolled: Any, frame_of: Any, at: datetime
) -> None:
    enrolled("obama")

    [viewer] = services.recognise(
        operator_id=operator.id, screen_id=screen.id, venue_id=screen.venue_id, shown=Frame(frame_of("obama")), at=at
    )

    assert viewer.expires_at == at + timedelta(seconds=30)
    assert (viewer.state, viewer.how) == (ViewerState.RECOGNISED, How.FACE)
    assert public_id("sub", uuid.uuid4())[:4] not in viewer.token


def test_a_frame_shows_in_no_repr(frame_of: Any) -> None:
    assert "xff" not in repr(Frame(frame_of("obama")))
    assert "vtl_" not in repr(services.LoyaltyToken("vtl_secret"))
    assert "0.0" not in repr(services.Probes("emb_x", np.zeros((1, 128), dtype=np.float32)))


def test_an_uploaded_frame_is_held_in_memory(player: APIClient, frame_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("a frame went to a temporary file")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    monkeypatch.setattr("django.core.files.uploadedfile.TemporaryUploadedFile.__init__", refuse)
    big = frame_of("obama") + b"\0" * (3 * 2**20)

    answer = player.post(
        "/v1/recognitions", {"frame": SimpleUploadedFile("f.jpg", big, "image/jpeg")}, format="multipart"
    )

    assert answer.status_code == 200
