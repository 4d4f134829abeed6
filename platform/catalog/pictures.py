"""Look at uploaded pictures: what they are, how large, and whether they decode."""

import io
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from catalog.errors import MediaTooLarge, MediaTypeRefused, UnusableMedia

LARGEST_BYTES = 20 * 2**20
LARGEST_SIDE = 8192
FORMATS = ("PNG", "JPEG", "WEBP")
CONTENT_TYPES = ("image/png", "image/jpeg", "image/webp")


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture turned out to be; sizes in pixels."""

    content_type: str
    width: int
    height: int


def inspect(content: bytes, content_type: str) -> Picture:
    """Return what the bytes hold.

    Args:
        content_type: what the uploader says they are.

    Raises:
        MediaTooLarge: more than 20 MiB.
        MediaTypeRefused: no PNG, JPEG or WebP, or another one than was said.
        UnusableMedia: truncated, damaged, or more than 8192 pixels a side.
    """
    if len(content) > LARGEST_BYTES:
        raise MediaTooLarge(f"A picture may have {LARGEST_BYTES} bytes; this one has {len(content)}.")
    said = content_type.partition(";")[0].strip().lower()
    if said not in CONTENT_TYPES:
        raise MediaTypeRefused(f"Send image/png, image/jpeg or image/webp, not {said[:60] or 'nothing'!r}.")
    picture = _decode(content)
    if picture.content_type != said:
        raise MediaTypeRefused(f"The bytes are {picture.content_type}, not {said} as was said.")
    return picture


def sniff(head: bytes) -> str | None:
    """Return the content type that the first twelve bytes of a stored picture stand for."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def _decode(content: bytes) -> Picture:
    content_type = sniff(content[:12])
    if content_type is None:
        raise MediaTypeRefused("The bytes are no PNG, JPEG or WebP picture.")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
                raise _too_wide(f"{width} x {height}")
            image.load()
            return Picture(content_type, width, height)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_wide("far more") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnusableMedia(f"The picture is damaged or truncated: {type(error).__name__}.") from error


def _too_wide(size: str) -> UnusableMedia:
    return UnusableMedia(f"A picture has at most {LARGEST_SIDE} pixels a side; this one has {size}.")
