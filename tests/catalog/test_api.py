from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import FileResponse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Operator
from accounts.roles import Scope
from accounts.services import issue_device_token
from catalog import pictures, uploads
from catalog.links import media_url
from catalog.models import Advertiser, Campaign, Creative, Media
from catalog.storage import media_path
from core.ids import new_id, public_id

ClientOf = Callable[..., APIClient]
Draw = Callable[..., bytes]
CREATIVE = {"title": "Boots", "category": "fashion.shoes", "duration_ms": 8_000}


@pytest.fixture
def editor(operator: Operator, client_of: ClientOf) -> APIClient:
    return client_of(operator, Scope.WRITE)


@pytest.fixture
def reader(operator: Operator, client_of: ClientOf) -> APIClient:
    return client_of(operator, Scope.READ)


def upload(content: bytes, content_type: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile("picture", content, content_type)


def body_of(answer: Any) -> bytes:
    """Return the bytes of a file; the client closes it behind the last one."""
    assert isinstance(answer, FileResponse)
    return b"".join(answer.streaming_content)  # type: ignore[arg-type]


def campaign_body(advertiser_id: str, **changed: Any) -> dict[str, Any]:
    return {
        "advertiser": advertiser_id, "name": "Autumn", "starts_at": "2026-11-01T00:00:00+01:00",
        "ends_at": "2026-12-01T00:00:00Z", "budget_micros": 10_000_000, "price_micros": 50_000,
    } | changed  # fmt: skip


def test_a_campaign_is_set_up_over_the_api(editor: APIClient) -> None:
    advertiser = editor.post("/v1/advertisers", {"name": "Acme"}, format="json")
    body = campaign_body(advertiser.json()["id"], targeting={"hours": [8, 9]}, cap_per_subject_per_day=2)
    campaign = editor.post("/v1/campaigns", body, format="json")
    started = editor.post(f"/v1/campaigns/{campaign.json()['id']}/state", {"state": "active"}, format="json")

    assert [answer.status_code for answer in (advertiser, campaign, started)] == [201, 201, 200]
    assert {name: campaign.json()[name] for name in ("state", "currency", "starts_at", "priority", "targeting")} == {
        "state": "draft", "currency": "EUR", "starts_at": "2026-10-31T23:00:00.000Z", "priority": 5,
        "targeting": {"hours": [8, 9]},
    }  # fmt: skip
    assert started.json() == campaign.json() | {"state": "active"}
    assert editor.get(f"/v1/campaigns/{campaign.json()['id']}").json() == started.json()
    assert editor.get("/v1/campaigns").json() == {"items": [started.json()], "next_cursor": None}
    assert editor.get("/v1/advertisers").json() == {"items": [advertiser.json()], "next_cursor": None}


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"starts_at": "2026-11-01T00:00:00"}, 400, "malformed"),
        ({"starts_at": "soon"}, 400, "malformed"),
        ({"starts_at": 5}, 400, "malformed"),
        ({"budget_micros": "much"}, 400, "malformed"),
        ({"budget_micros": 10**30}, 400, "malformed"),
        ({"targeting": []}, 400, "malformed"),
        ({"ends_at": "2026-10-01T00:00:00Z"}, 422, "unusable_campaign"),
        ({"targeting": {"age": [18]}}, 422, "unusable_campaign"),
        ({"price_micros": 10_000_001}, 422, "unusable_campaign"),
        ({"advertiser": "adv_nonsense"}, 400, "malformed_id"),
        ({"advertiser": public_id("adv", UUID(int=1))}, 404, "not_found"),
    ],
    ids=str,
)
def test_a_refused_campaign_is_a_problem_and_changes_nothing(
    editor: APIClient, advertiser: Advertiser, changed: dict[str, Any], status: int, code: str
) -> None:
    answer = editor.post("/v1/campaigns", campaign_body(advertiser.public_id, **changed), format="json")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Campaign.objects.count() == 0


def test_a_campaign_that_ended_stays_ended(editor: APIClient, campaign: Campaign) -> None:
    where = f"/v1/campaigns/{campaign.public_id}/state"
    editor.post(where, {"state": "ended"}, format="json")

    answer = editor.post(where, {"state": "active"}, format="json")
    malformed = editor.post(where, {"state": "asleep"}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "campaign_state_conflict")
    assert malformed.status_code == 400
    campaign.refresh_from_db()
    assert campaign.state == "ended"


def test_a_creative_comes_with_its_picture_in_one_form(editor: APIClient, campaign: Campaign, draw: Draw) -> None:
    answer = editor.post("/v1/creatives", CREATIVE | {"campaign": campaign.public_id, "file": upload(draw())})

    shown = answer.json()
    assert (answer.status_code, shown["approval"], shown["campaign"]) == (201, "pending", campaign.public_id)
    assert (shown["media"]["width"], shown["media"]["height"], shown["media"]["content_type"]) == (4, 3, "image/png")
    assert body_of(APIClient().get(shown["media"]["url"])) == draw()


def test_a_creative_may_name_media_stored_before(editor: APIClient, draw: Draw) -> None:
    media = editor.post("/v1/media", {"file": upload(draw())})
    answer = editor.post("/v1/creatives", CREATIVE | {"media": media.json()["id"], "minimum_age": 18}, format="json")

    assert (media.status_code, answer.status_code) == (201, 201)
    assert answer.json()["media"] == media.json()
    assert (answer.json()["campaign"], answer.json()["minimum_age"]) == (None, 18)
    assert editor.get(f"/v1/creatives/{answer.json()['id']}").json() == answer.json()
    assert editor.get("/v1/creatives").json()["items"] == [answer.json()]
    assert editor.get("/v1/media").json()["items"] == [media.json()]


def test_a_creative_is_reviewed_over_the_api(editor: APIClient, creative: Creative) -> None:
    where = f"/v1/creatives/{creative.public_id}/reviews"

    unfounded = editor.post(where, {"approved": False}, format="json")
    rejected = editor.post(where, {"approved": False, "reason": "blurred"}, format="json")
    approved = editor.post(where, {"approved": True}, format="json")

    assert (unfounded.status_code, unfounded.json()["code"]) == (422, "unusable_creative")
    assert (rejected.json()["approval"], rejected.json()["rejection_reason"]) == ("rejected", "blurred")
    assert (approved.json()["approval"], approved.json()["rejection_reason"]) == ("approved", "")


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"<svg/>", "image/svg+xml", 415, "media_type_refused"),
        (b"<svg/>", "image/png", 415, "media_type_refused"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "image/png", 422, "unusable_media"),
        (b"", "image/png", 415, "media_type_refused"),
    ],
)
def test_a_refused_picture_stores_neither_it_nor_the_creative(
    editor: APIClient, media_root: Path, content: bytes, content_type: str, status: int, code: str
) -> None:
    answer = editor.post("/v1/creatives", CREATIVE | {"file": upload(content, content_type)})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (Creative.objects.count(), Media.objects.count(), media_root.exists()) == (0, 0, False)


def test_a_refused_creative_takes_its_picture_along(editor: APIClient, draw: Draw) -> None:
    answer = editor.post("/v1/creatives", CREATIVE | {"category": "gamblng", "file": upload(draw())})

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_category")
    assert (Creative.objects.count(), Media.objects.count()) == (0, 0)


@pytest.mark.parametrize("form", [{}, {"file": "text"}, {"other": None}, {"file": None, "second": None}])
def test_a_form_without_exactly_one_file_is_refused(editor: APIClient, draw: Draw, form: dict[str, Any]) -> None:
    filled = {name: upload(draw()) if value is None else value for name, value in form.items()}

    answer = editor.post("/v1/media", filled)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert Media.objects.count() == 0


def test_a_picture_larger_than_other_uploads_is_taken(editor: APIClient, draw: Draw) -> None:
    padded = draw(kind="JPEG") + bytes(9 * 2**20)  # what follows the end of a JPEG does no harm

    answer = editor.post("/v1/media", {"file": upload(padded, "image/jpeg")})

    assert (answer.status_code, answer.json()["bytes"]) == (201, len(padded))


def test_a_picture_that_is_too_large_is_refused(editor: APIClient, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LARGEST_BYTES", 100)
    monkeypatch.setattr(uploads, "LARGEST_BYTES", 100)
    slightly = editor.post("/v1/media", {"file": upload(draw() + bytes(100))})
    grossly = editor.post("/v1/media", {"file": upload(bytes(2**17))})

    assert (slightly.status_code, slightly.json()["code"]) == (413, "media_too_large")
    assert (grossly.status_code, grossly.json()["code"]) == (413, "too_large")
    assert Media.objects.count() == 0


def test_the_same_key_stores_a_creative_once(editor: APIClient, draw: Draw) -> None:
    answers = [
        editor.post("/v1/creatives", CREATIVE | {"file": upload(draw())}, headers={"Idempotency-Key": "creative-0001"})
        for _ in range(2)
    ]

    assert answers[0].json() == answers[1].json()
    assert Creative.objects.count() == 1


def test_reading_does_not_allow_writing(reader: APIClient, creative: Creative, campaign: Campaign) -> None:
    assert reader.get("/v1/creatives").status_code == 200
    for path in (
        "advertisers", "campaigns", "creatives", "media", f"campaigns/{campaign.public_id}/state",
        f"creatives/{creative.public_id}/reviews",
    ):  # fmt: skip
        answer = reader.post(f"/v1/{path}", {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_another_operators_things_are_not_found(
    other_operator: Operator,
    client_of: ClientOf,
    operator: Operator,
    creative: Creative,
    campaign: Campaign,
    media: Media,
) -> None:
    rival = client_of(other_operator, Scope.READ, Scope.WRITE)

    for path in (f"campaigns/{campaign.public_id}", f"creatives/{creative.public_id}", f"media/{media.sha256}"):
        assert rival.get(f"/v1/{path}").status_code == 404
    for path, body in (
        (f"campaigns/{campaign.public_id}/state", {"state": "ended"}),
        (f"creatives/{creative.public_id}/reviews", {"approved": False, "reason": "mine"}),
        ("creatives", CREATIVE | {"campaign": campaign.public_id}),
        ("creatives", CREATIVE | {"media": media.public_id}),
    ):
        assert rival.post(f"/v1/{path}", body, format="json").status_code == 404
    for noun in ("advertisers", "campaigns", "creatives", "media"):
        assert rival.get(f"/v1/{noun}").json()["items"] == []


def test_a_picture_is_fetched_with_a_signed_link_and_kept_for_ever(media: Media) -> None:
    answer = APIClient().get(media_url(media.sha256, timezone.now()), headers={"Accept": "image/avif,image/png"})

    assert answer.status_code == 200
    assert (answer["Content-Type"], answer["ETag"]) == ("image/png", f'"{media.sha256}"')
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert body_of(answer) == media_path(media.sha256).read_bytes()


def test_what_a_browser_holds_is_not_sent_again(media: Media) -> None:
    url = media_url(media.sha256, timezone.now())

    held = APIClient().get(url, headers={"If-None-Match": f'"{media.sha256}"'})
    other = APIClient().get(url, headers={"If-None-Match": '"other"'})

    assert (held.status_code, held.content, held["ETag"]) == (304, b"", f'"{media.sha256}"')
    assert other.status_code == 200
    body_of(other)


def test_a_wrong_or_expired_link_is_forbidden(media: Media) -> None:
    good = media_url(media.sha256, timezone.now())

    for url in (
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good.replace("expires=", "expires=9"),
        media_url(media.sha256, timezone.now() - timedelta(days=2)),
        f"/v1/media/{media.sha256}?signature=",
        f"/v1/media/{media.sha256}?expires=99999999999",
    ):
        answer = APIClient().get(url, headers={"If-None-Match": f'"{media.sha256}"'})
        assert (answer.status_code, answer.json()["code"]) == (403, "media_link_refused")


def test_a_token_fetches_the_operators_pictures_only(operator: Operator, media: Media, reader: APIClient) -> None:
    device = APIClient()
    token = issue_device_token(operator_id=operator.id, device_id=new_id(), name="player")
    device.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

    for client in (device, reader):
        answer = client.get(f"/v1/media/{media.sha256}")
        assert answer.status_code == 200
        body_of(answer)
        assert client.get(f"/v1/media/{'0' * 64}").json()["code"] == "unknown_media"
    assert APIClient().get(f"/v1/media/{media.sha256}").status_code == 401


def test_a_scope_that_sees_no_pictures_fetches_none(operator: Operator, media: Media, client_of: ClientOf) -> None:
    answer = client_of(operator, Scope.SUBJECTS).get(f"/v1/media/{media.sha256}")

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "name", ["..%2f..%2fetc%2fpasswd", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "%0a", "a" * 64 + "/.."]
)
def test_nothing_but_a_digest_is_a_file(reader: APIClient, name: str) -> None:
    answer = reader.get(f"/v1/media/{name}")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_a_file_that_was_lost_is_not_found(media: Media) -> None:
    media_path(media.sha256).unlink()

    answer = APIClient().get(media_url(media.sha256, timezone.now()))

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_media")
