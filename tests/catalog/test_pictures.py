import io
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from PIL import Image

from catalog.errors import MediaTooLarge, MediaTypeRefused, UnusableMedia
from catalog.pictures import LARGEST_BYTES, Picture, inspect, sniff
from core.problems import Problem

Draw = Callable[..., bytes]
KINDS = pytest.mark.parametrize(
    ("kind", "content_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")]
)


def declaring(width: int, height: int) -> bytes:
    """Return a PNG whose header claims a size, as decompression bombs do."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@KINDS
def test_three_kinds_of_pictures_are_taken(draw: Draw, kind: str, content_type: str) -> None:
    content = draw(width=5, height=3, kind=kind)

    assert inspect(content, content_type) == Picture(content_type, 5, 3)
    assert inspect(content, f"{content_type.upper()}; charset=binary") == Picture(content_type, 5, 3)
    assert sniff(content[:12]) == content_type


@pytest.mark.parametrize("content_type", ["", "image/gif", "image/svg+xml", "text/html", "image/png/evil"])
def test_another_type_is_refused(draw: Draw, content_type: str) -> None:
    with pytest.raises(MediaTypeRefused):
        inspect(draw(), content_type)


def test_a_type_that_disagrees_with_the_bytes_is_refused(draw: Draw) -> None:
    with pytest.raises(MediaTypeRefused, match="are image/jpeg, not image/png"):
        inspect(draw(kind="JPEG"), "image/png")


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"GIF89a" + bytes(40), b"MZ" + bytes(40)])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(MediaTypeRefused):
        inspect(content, "image/png")


@KINDS
def test_a_truncated_picture_is_refused(kind: str, content_type: str) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(buffer, kind)
    content = buffer.getvalue()

    with pytest.raises(UnusableMedia, match="damaged or truncated"):
        inspect(content[: len(content) // 2], content_type)


@pytest.mark.parametrize("size", [(8193, 1), (1, 8193), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(UnusableMedia, match="8192 pixels a side"):
        inspect(declaring(*size), "image/png")


def test_the_largest_side_is_still_taken(draw: Draw) -> None:
    assert inspect(draw(width=8192, height=1), "image/png").width == 8192


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(MediaTooLarge):
        inspect(bytes(LARGEST_BYTES + 1), "image/png")


@profile(deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.binary(max_size=300))
def test_damage_of_any_kind_is_a_refusal_and_no_defect(kind: str, noise: bytes) -> None:
    heads = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "WEBP": b"RIFF\x20\0\0\0WEBP"}

    with pytest.raises(Problem):
        inspect(heads[kind] + noise, f"image/{kind.lower()}")
