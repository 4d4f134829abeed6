"""Decoding pictures that strangers send."""

import io
from typing import Final

import numpy as np
from PIL import Image

from faceid.errors import FaceError, ImageTooLarge, NotAnImage, TruncatedImage, UnsupportedImageType
from faceid.frame import Frame, from_rgb

MAX_BYTES: Final = 8 * 2**20
MAX_SIDE: Final = 8192
MAX_PIXELS: Final = 20_000_000

CONTENT_TYPES: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""What is accepted: Pillow's name of the format and its media type."""

_OTHER_TYPES: Final = (
    b"GIF8",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"%PDF",
    b"<svg",
    b"<?xml",
    b"\0\0\1\0",
    b"8BPS",
    b"\0\0\0\x0cjP",
)
_UNITS_OF_16_BITS: Final = 256


def decode(data: bytes, content_type: str | None = None) -> Frame:
    """Decode a JPEG, PNG or WebP picture, upright, after checking its claims.

    Sides are read from the header and checked before any pixel is decoded, so that a small file cannot make a large
    allocation. EXIF orientation is applied, transparency is laid on white, an animation gives its first frame.

    Args:
        data: the file, at most 8 MiB.
        content_type: what the sender calls it. The bytes decide what it is; a type that is not accepted is refused.

    Returns:
        RGB, uint8, shape (height, width, 3), read-only, at most 8,192 pixels a side and 20 million in all.

    Raises:
        ImageTooLarge: too many bytes or pixels.
        UnsupportedImageType: a picture of another type, or ``content_type`` names another type.
        TruncatedImage: the file breaks off or is damaged.
        NotAnImage: no picture at all.
    """
    if len(data) > MAX_BYTES:
        raise _too_large(f"The file has {len(data):,} bytes.")
    _check_content_type(content_type)
    kind = _kind(data)
    try:
        if kind == "WEBP":
            _check_size(*_webp_size(data))
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            _check_size(*picture.size)
            return _pixels(picture)
    except FaceError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large("The picture has more pixels than Pillow agrees to open.") from None
    except Exception as error:  # Pillow's decoders raise whatever the damage leads them to, down to struct.error
        raise TruncatedImage(
            f"The {CONTENT_TYPES[kind]} file breaks off or is damaged.",
            expected="a complete file.",
            remedy="Send the picture again.",
        ) from error


def _check_content_type(content_type: str | None) -> None:
    if content_type is None:
        return
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in {*CONTENT_TYPES.values(), "image/jpg", "application/octet-stream", ""}:
        raise _unsupported(f"The content type is {media_type[:80]!r}.")


def _kind(data: bytes) -> str:
    """Tell the format from the first bytes."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(_OTHER_TYPES) or data[4:8] == b"ftyp":
        raise _unsupported("The file is of another type.")
    raise NotAnImage(
        "The bytes are not a picture.",
        expected=_accepted(),
        remedy="Send the camera frame as one of these.",
    )


def _webp_size(data: bytes) -> tuple[int, int]:
    """Read a WebP's canvas (RFC 9649): Pillow itself would allocate the canvas just to open the file."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    raise ValueError("a WebP file begins with a VP8, VP8L or VP8X chunk")


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise _too_large(f"The picture has {width:,} x {height:,} pixels.")


def _pixels(picture: Image.Image) -> Frame:
    orientation = _orientation(picture)
    upright = _rgb(picture)
    if orientation in _TURNS:
        upright = upright.transpose(_TURNS[orientation])
    return from_rgb(np.array(upright, dtype=np.uint8))


_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How to undo each EXIF orientation (EXIF 3.0, tag 0x0112)."""


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF does not make good pixels unusable
        return 1


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith("I"):
        values = np.asarray(picture, dtype=np.int64) // _UNITS_OF_16_BITS
        return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        solid = picture.convert("RGBA")
        white = Image.new("RGBA", solid.size, "white")
        return Image.alpha_composite(white, solid).convert("RGB")
    return picture.convert("RGB")


def _too_large(happened: str) -> ImageTooLarge:
    return ImageTooLarge(
        happened,
        expected=f"at most {MAX_BYTES:,} bytes, {MAX_SIDE:,} pixels a side and {MAX_PIXELS:,} pixels in all.",
        remedy="Shrink the picture; 640 pixels a side suffice.",
    )


def _unsupported(happened: str) -> UnsupportedImageType:
    return UnsupportedImageType(happened, expected=_accepted(), remedy="Convert the picture to one of these.")


def _accepted() -> str:
    return ", ".join(CONTENT_TYPES.values()) + "."
