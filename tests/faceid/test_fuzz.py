"""Mutated photographs of every accepted type: typed refusals or faces, no crash, no hang, bounded memory.

The suite takes 10,000 files; ``VITRINE_FUZZ`` takes another number (see docs/operations.md).
"""

import faulthandler
import io
import os
import random
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from PIL import Image

from faceid.errors import FaceRefused, ImageRefused
from faceid.frame import Frame
from faceid.image import MAX_PIXELS, decode
from faceid.pipeline import Pipeline
from faceid.soak import forget_peak, peak_mib, resident_mib

FILES = int(os.environ.get("VITRINE_FUZZ", "10000"))
SECONDS_PER_FILE = 20.0
MOST_GROWTH = 400.0
"""Mebibytes at once while a file is decoded and looked at: the pixels of the largest permitted picture, several times
over."""

MOST_KEPT = 64.0
"""Mebibytes that may still be in use after a file is done with, be it the ten-thousandth."""

LOOKED_AT = 250
"""Decoded files of one run that the networks see too."""


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.fixture(scope="module")
def originals(pipeline: Pipeline, picture: Callable[[str], Frame]) -> list[bytes]:
    """Return small photographs of faces that can be enrolled, in every variety of the accepted types."""
    files = []
    for name in ("astronaut", "obama", "biden"):
        left, top, width, height = pipeline.detector.faces(picture(name))[0].box.tolist()
        around = (left - width / 2, top - height / 2, left + 1.5 * width, top + 1.5 * height)
        small = Image.fromarray(picture(name).copy()).crop(tuple(map(round, around))).resize((192, 224))
        exif = small.getexif()
        exif[0x0112] = 6
        files += [
            saved(small, "JPEG", quality=85, exif=exif),
            saved(small, "JPEG", quality=60, progressive=True, subsampling=2),
            saved(small.convert("CMYK"), "JPEG"),
            saved(small, "PNG"),
            saved(small.quantize(64), "PNG", transparency=3),
            saved(small.convert("L"), "PNG", optimize=True),
            saved(small.convert("RGBA"), "WEBP", quality=70),
            saved(small, "WEBP", lossless=True),
            saved(small, "WEBP", save_all=True, append_images=[small.rotate(20)], duration=50),
        ]
    return files


def flip(data: bytearray, source: random.Random) -> None:
    for _ in range(source.randint(1, 12)):
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)


def overwrite(data: bytearray, source: random.Random) -> None:
    begin = source.randrange(len(data))
    data[begin : begin + source.randint(1, 64)] = source.randbytes(source.randint(1, 64))


def number(data: bytearray, source: random.Random) -> None:
    """Put an extreme number where a length or a side may be: most of them stand at the beginning."""
    begin = source.randrange(min(len(data), 512))
    value = source.choice([0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
    form = source.choice([">I", "<I", ">H", "<H", "B"])
    width = struct.calcsize(form)
    data[begin : begin + width] = struct.pack(form, value & (256**width - 1))


def shorten(data: bytearray, source: random.Random) -> None:
    del data[source.randrange(1, len(data)) :]


def cut(data: bytearray, source: random.Random) -> None:
    begin = source.randrange(len(data))
    del data[begin : begin + source.randint(1, 256)]


def repeat(data: bytearray, source: random.Random) -> None:
    begin = source.randrange(len(data))
    piece = bytes(data[begin : begin + source.randint(1, 512)])
    data[begin:begin] = piece * source.randint(1, 40)


MUTATIONS = (flip, overwrite, number, shorten, cut, repeat)


def mutated(originals: list[bytes], at: int) -> bytes:
    source = random.Random(at)
    data = bytearray(source.choice(originals))
    if source.random() < 0.1:
        other = source.choice(originals)
        data[source.randrange(len(data)) :] = other[source.randrange(len(other)) :]
    for mutate in source.choices(MUTATIONS, k=source.randint(1, 3)):
        if data:
            mutate(data, source)
    return bytes(data)


@contextmanager
def alarm() -> Iterator[None]:
    """End the whole process with a traceback when one file hangs, even inside a C library."""
    faulthandler.dump_traceback_later(SECONDS_PER_FILE, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.mark.timeout(7200)
def test_mutated_files_are_refused_or_seen_within_bounds(pipeline: Pipeline, originals: list[bytes]):
    ends: Counter[str] = Counter()
    looked: Counter[str] = Counter()
    before = most = peak = resident_mib()

    for at in range(FILES):
        data = mutated(originals, at)
        forget_peak()
        with alarm():
            try:
                frame = decode(data)
                assert frame.shape[0] * frame.shape[1] <= MAX_PIXELS
                ends["decoded"] += 1
                if ends["decoded"] % max(1, FILES // LOOKED_AT) == 0:
                    pipeline.faces(frame)
                    pipeline.enrolment(frame)
                    looked["enrolled"] += 1
            except ImageRefused as refusal:
                ends[refusal.code] += 1
            except FaceRefused as refusal:
                looked[refusal.code] += 1
        most, peak = max(most, resident_mib()), max(peak, peak_mib())

    print(f"{FILES:,} files: {dict(ends)}; looked at: {dict(looked)}")
    print(f"memory {before:.0f} MiB, at most {most:.0f} between files and {peak:.0f} within, now {resident_mib():.0f}")
    assert looked["enrolled"] > 0
    assert sum(looked.values()) == ends["decoded"] // max(1, FILES // LOOKED_AT)
    assert sum(ends.values()) == FILES
    assert min(ends["decoded"], ends["truncated_image"]) > FILES // 10
    assert most - before < MOST_KEPT
    assert peak - before < MOST_GROWTH


def claiming(data: bytes, width: int, height: int) -> bytes:
    """Let a file claim other sides, as far as its type lets one lie: its checksum is right again."""
    claimed = bytearray(data)
    if data.startswith(b"\x89PNG"):
        claimed[16:24] = struct.pack(">II", width, height)
        claimed[29:33] = struct.pack(">I", zlib.crc32(claimed[12:29]))
    elif data.startswith(b"\xff\xd8"):
        (at,) = {data.find(marker) for marker in (b"\xff\xc0\x00", b"\xff\xc2\x00")} - {-1}
        claimed[at + 5 : at + 9] = struct.pack(">HH", height, width)
    elif data[12:16] == b"VP8X":
        claimed[24:27], claimed[27:30] = (struct.pack("<I", side - 1)[:3] for side in (width, height))
    elif data[12:16] == b"VP8L":
        claimed[21:25] = struct.pack("<I", (width - 1) | (height - 1) << 14)
    else:
        claimed[26:30] = struct.pack("<HH", width, height)
    return bytes(claimed)


def grown_by(data: bytes) -> tuple[str, float]:
    """Decode a file; return how it ended, and by how many mebibytes memory grew at most meanwhile."""
    before = resident_mib()
    forget_peak()
    try:
        with alarm():
            end = str(decode(data).shape)
    except ImageRefused as refusal:
        end = refusal.code
    return end, peak_mib() - before


def test_claims_of_many_pixels_take_no_more_memory_than_permitted_pictures_need(originals: list[bytes]):
    for data in originals[:9]:
        end, growth = grown_by(claiming(data, 8_000, 8_000))
        assert (end, round(growth / 8)) == ("image_too_large", 0), data[:16]
    for data in (originals[1], originals[2], originals[4], originals[8]):
        end, growth = grown_by(claiming(data, 5_000, 4_000))
        assert end in {"truncated_image", "(4000, 5000, 3)"}
        assert growth < MOST_GROWTH, data[:16]


def test_every_original_decodes(originals: list[bytes]):
    assert {decode(data).shape for data in originals} == {(224, 192, 3), (192, 224, 3)}
