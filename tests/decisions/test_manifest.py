"""What a player knows beforehand."""

import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import signage.services
import subjects.services
from core.ids import public_id
from decisions import bundle
from signage.models import Player

URL = "/v1/player/manifest"


def raw(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_manifest_says_where_the_player_stands_and_what_it_may_show(player, place):
    bread = place.creative("Bread")
    cola = place.creative("Cola", campaign=place.campaign("Cola"))
    place.creative("Vodka", "alcohol")
    bonus = place.creative("Your bonus", audience="personal")

    answer = player.get(URL).json()

    assert answer["screen"]["id"] == public_id("scr", place.screen_id)
    assert answer["venue"]["timezone"] == "Europe/Berlin"
    assert [(scene["key"], scene["slots"], scene["default"]) for scene in answer["scenes"]] == [("lobby", 3, True)]
    assert {one["creative"] for one in answer["media"]} == {bread.public_id, cola.public_id, bonus.public_id}
    assert player.get(answer["media"][0]["url"]).getvalue().startswith(b"\x89PNG")
    assert answer["notice"]["sha256"] == place.notice.sha256
    assert answer["capture"]["mode"] == "opt_in"
    assert answer["capture"]["allowed"] is True


def test_the_offline_bundle_holds_house_content_and_its_signature_can_be_checked(player, place):
    bread = place.creative("Bread", duration_ms=6000)
    place.creative("Cola", campaign=place.campaign("Cola"))
    place.creative("Your bonus", audience="personal")

    offline = player.get(URL).json()["offline"]

    payload = json.loads(offline["payload"])
    assert [(one["creative"], one["duration_ms"]) for one in payload["items"]] == [(bread.public_id, 6000)]
    assert payload["screen"] == public_id("scr", place.screen_id)
    assert payload["bundle"] == offline["bundle"]
    until = datetime.fromisoformat(payload["valid_until"])
    assert timedelta(days=6) < until - datetime.now(UTC) <= timedelta(days=7)
    key = Ed25519PublicKey.from_public_bytes(raw(offline["public_key"]))
    key.verify(raw(offline["signature"]), offline["payload"].encode())
    with pytest.raises(InvalidSignature):
        key.verify(raw(offline["signature"]), offline["payload"].replace("6000", "9000").encode())


def test_a_manifest_at_hand_is_not_sent_again_until_something_changes(player, place):
    place.creative("Bread")
    first = player.get(URL)
    etag = first.headers["ETag"]

    same = player.get(URL, headers={"If-None-Match": f'"other", W/{etag}'})
    place.creative("Tea")
    changed = player.get(URL, headers={"If-None-Match": etag})
    subjects.services.publish_notice(operator_id=place.operator_id, title="Be known", text="Said otherwise.")
    other_notice = player.get(URL, headers={"If-None-Match": changed.headers["ETag"]})

    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", etag)
    assert (changed.status_code, other_notice.status_code) == (200, 200)
    assert len({etag, changed.headers["ETag"], other_notice.headers["ETag"]}) == 3


def test_two_manifests_of_one_state_are_equal(player, place):
    place.creative("Bread")

    assert player.get(URL).json() == player.get(URL).json()


def test_asking_for_the_manifest_is_a_sign_of_life(player, place):
    assert Player.objects.get().last_seen_at is None

    player.get(URL)

    assert Player.objects.get().last_seen_at is not None


def test_a_venue_without_notice_or_recognition_gets_no_capture(api, operator, build_place):
    place = build_place(operator, category="education.schools", policy="education")
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {place.token}")

    answer = api.get(URL).json()

    assert answer["capture"]["allowed"] is False
    assert answer["media"] == []
    assert json.loads(answer["offline"]["payload"])["items"] == []


def test_an_unpaired_player_gets_nothing(player, place):
    signage.services.unpair(operator_id=place.operator_id, player_id=place.player_id, actor="x", at=place.at)

    assert player.get(URL).status_code == 401


def test_a_bundle_is_known_by_its_screen_alone():
    operator_id, screen_id, until = uuid4(), uuid4(), datetime(2026, 12, 1, tzinfo=UTC)
    issued = bundle.bundle_id(operator_id=operator_id, screen_id=screen_id, valid_until=until)

    assert bundle.issued_until(operator_id=operator_id, screen_id=screen_id, bundle=issued) == until
    forged = (issued[:-4] + "AAAA", issued[4:], "bnd_", "bnd_%%%", "bnd_é")
    others = [{"screen_id": uuid4()}, {"operator_id": uuid4()}, *({"bundle": text} for text in forged)]
    for changes in others:
        terms = {"operator_id": operator_id, "screen_id": screen_id, "bundle": issued} | changes
        assert bundle.issued_until(**terms) is None
