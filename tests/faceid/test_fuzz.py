"""Mutated photographs of every accepted type: typed refusals or faces, no crash, no hang, bounded memory.

The suite takes 1,500 files; ``VITRINE_FUZZ=10000`` takes so many (see docs/operations.md).
"""

import faulthandler
import io
import os
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from PIL import Image

from faceid.errors import FaceRefused, ImageRefused
from faceid.frame import Frame
from faceid.image import MAX_PIXELS, decode
from faceid.pipeline import Pipeline
from faceid.soak import resident_mib

FILES = int(os.environ.get("VITRINE_FUZZ", "1500"))
SECONDS_PER_FILE = 20.0
MOST_GROWTH = 400.0
"""Mebibytes: what decoding the largest permitted picture takes, several times over."""

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
    before = most = resident_mib()

    for at in range(FILES):
        data = mutated(originals, at)
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
        most = max(most, resident_mib())

    print(f"{FILES:,} files: {dict(ends)}; looked at: {dict(looked)}")
    print(f"memory {before:.0f} MiB, at most {most:.0f}, now {resident_mib():.0f}")
    assert looked["enrolled"] > 0
    assert sum(looked.values()) == ends["decoded"] // max(1, FILES // LOOKED_AT)
    assert sum(ends.values()) == FILES
    assert min(ends["decoded"], ends["truncated_image"]) > FILES // 10
    assert most - before < MOST_GROWTH


def test_every_original_decodes(originals: list[bytes]):
    assert {decode(data).shape for data in originals} == {(224, 192, 3), (192, 224, 3)}
