from collections.abc import Callable
from mmap import mmap

import pytest

from faceid.bench import frame_of
from faceid.frame import Frame
from faceid.pipeline import Pipeline
from faceid.soak import Soak, resident_mib, soak


def test_memory_stays_flat_over_frames_of_many_sizes(pipeline: Pipeline, picture: Callable[[str], Frame]):
    files = [frame_of(picture(name)) for name in ("astronaut", "biden")]
    told: list[int] = []

    seen = soak(pipeline, files, 200, tell=told.append)

    assert told == list(range(1, 201))
    assert seen.frames == 200
    assert min(seen.start, seen.middle, seen.end) > 50
    assert seen.growth < 24, seen


def test_growth_is_what_came_between_the_start_and_the_end():
    assert Soak(10, start=100.0, middle=150.0, end=103.5).growth == 3.5


def test_memory_in_use_is_seen():
    with mmap(-1, 64 * 2**20) as ballast:  # of the system: an allocator might hand out what it has
        before = resident_mib()

        for _ in range(64):
            ballast.write(bytes(2**20))

        assert resident_mib() - before == pytest.approx(64, abs=8)
