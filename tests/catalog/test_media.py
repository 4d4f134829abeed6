import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import Operator
from catalog.errors import MediaLinkRefused, MediaTypeRefused
from catalog.links import check_link, expiry, media_url
from catalog.models import Media
from catalog.services import store_media
from catalog.storage import media_path, write_media
from core.epochs import Topic, versions
from core.tenancy import operator_scope

Draw = Callable[..., bytes]
NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
DIGEST = "a" * 64
ACTOR = "member:test"


def parts(url: str) -> tuple[str, str, str]:
    query = parse_qs(urlsplit(url).query)
    return urlsplit(url).path.rpartition("/")[2], query["expires"][0], query["signature"][0]


def test_a_picture_lies_under_the_digest_of_its_bytes(operator: Operator, draw: Draw, media_root: Path) -> None:
    content = draw()

    stored = store_media(operator_id=operator.id, data=content, content_type="image/png", actor=ACTOR)

    digest = hashlib.sha256(content).hexdigest()
    assert (stored.sha256, stored.bytes, stored.content_type) == (digest, len(content), "image/png")
    assert (stored.width, stored.height) == (4, 3)
    files = [path for path in media_root.rglob("*") if path.is_file()]
    assert files == [media_root / digest[:2] / digest]
    assert files[0].read_bytes() == content


def test_the_same_bytes_again_are_the_same_media(operator: Operator, draw: Draw) -> None:
    first = store_media(operator_id=operator.id, data=draw(), content_type="image/png", actor=ACTOR)
    before = versions(operator_id=operator.id)

    again = store_media(operator_id=operator.id, data=draw(), content_type="image/png", actor=ACTOR)

    assert again == first
    assert Media.objects.count() == 1
    assert versions(operator_id=operator.id) == before


def test_a_file_that_was_lost_is_written_again_and_told(operator: Operator, media: Media, draw: Draw) -> None:
    media_path(media.sha256).unlink()
    before = versions(operator_id=operator.id)[Topic.CATALOG]

    store_media(operator_id=operator.id, data=draw(), content_type="image/png", actor=ACTOR)

    assert media_path(media.sha256).read_bytes() == draw()
    assert versions(operator_id=operator.id)[Topic.CATALOG] == before + 1


def test_two_operators_keep_a_row_each_and_share_the_file(
    operator: Operator, other_operator: Operator, draw: Draw, media: Media, media_root: Path
) -> None:
    with operator_scope(other_operator.id):
        theirs = store_media(operator_id=other_operator.id, data=draw(), content_type="image/png", actor=ACTOR)
        assert Media.objects.count() == 1

    assert theirs.id != media.id
    assert theirs.sha256 == media.sha256
    assert len([path for path in media_root.rglob("*") if path.is_file()]) == 1


def test_a_refused_picture_leaves_nothing(operator: Operator, draw: Draw, media_root: Path) -> None:
    with pytest.raises(MediaTypeRefused):
        store_media(operator_id=operator.id, data=draw(), content_type="image/jpeg", actor=ACTOR)

    assert not media_root.exists()
    assert Media.objects.count() == 0
    assert versions(operator_id=operator.id) == {}


def test_a_write_that_fails_leaves_no_draft(media_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(OSError, match="disk full"):
        write_media(DIGEST, b"content")

    assert [path for path in media_root.rglob("*") if path.is_file()] == []


def test_what_is_there_is_never_written_over(media_root: Path) -> None:
    assert write_media(DIGEST, b"first")
    assert not write_media(DIGEST, b"second")

    assert media_path(DIGEST).read_bytes() == b"first"


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 65, "a" * 62 + "/.", "a" * 64 + "\n"]
)
def test_nothing_but_a_digest_becomes_a_path(name: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        media_path(name)


def test_a_link_holds_for_one_to_two_days() -> None:
    digest, expires, signature = parts(media_url(DIGEST, NOW))
    end = datetime.fromtimestamp(int(expires), UTC)

    assert digest == DIGEST
    assert end == expiry(NOW) == datetime(2026, 11, 24, tzinfo=UTC)
    check_link(digest, expires, signature, NOW)
    check_link(digest, expires, signature, end - timedelta(seconds=1))
    with pytest.raises(MediaLinkRefused, match="expired"):
        check_link(digest, expires, signature, end)


def test_links_of_one_day_are_the_same_so_that_browsers_keep_what_they_hold() -> None:
    morning, evening, tomorrow = (NOW.replace(hour=hour) for hour in (0, 23)), NOW, NOW + timedelta(days=1)

    assert {media_url(DIGEST, at) for at in morning} == {media_url(DIGEST, evening)}
    assert media_url(DIGEST, tomorrow) != media_url(DIGEST, evening)


@profile(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    expires=st.text(max_size=14),
    signature=st.text(max_size=70),
)
def test_no_made_up_link_is_taken(sha256: str, expires: str, signature: str) -> None:
    with pytest.raises(MediaLinkRefused):
        check_link(sha256, expires, signature, NOW)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_link_is_bound_to_its_file_its_end_and_its_signature(place: int) -> None:
    changed = list(parts(media_url(DIGEST, NOW)))
    changed[place] = ["b" * 64, str(int(changed[1]) + 1), "0" * 64][place]

    with pytest.raises(MediaLinkRefused, match="not made here"):
        check_link(changed[0], changed[1], changed[2], NOW)


def test_links_of_another_installation_are_refused(settings: Settings) -> None:
    digest, expires, signature = parts(media_url(DIGEST, NOW))
    settings.MASTER_KEY = b"k" * 32

    with pytest.raises(MediaLinkRefused):
        check_link(digest, expires, signature, NOW)
