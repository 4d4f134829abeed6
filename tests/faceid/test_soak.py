from collections.abc import Callable
from mmap import mmap

import pytest

from faceid.bench import frame_of
from faceid.frame import Frame
from faceid.pipeline import Pipeline
from faceid.soak import Soak, forget_peak, peak_mib, resident_mib, soak


def test_memory_stays_flat_over_frames_of_many_sizes(pipeline: Pipeline, picture: Callable[[str], Frame]):
    files = [frame_of(picture(name)) for name in ("astronaut", "biden")]
    told: list[int] = []

    seen = soak(pipeline, files, 200, tell=told.append)

    assert told == list(range(1, 201))
    assert seen.frames == 200
    assert min(seen.start, seen.middle, seen.end) > 50
    assert seen.growth < 24, seen
    assert seen.later_growth < 4, seen


def test_growth_is_what_came_between_the_start_and_the_end_and_the_later_one_after_the_middle():
    seen = Soak(10, start=100.0, middle=150.0, end=153.5)

    assert (seen.growth, seen.later_growth) == (53.5, 3.5)


def test_memory_that_was_given_back_is_seen_until_it_is_forgotten():
    forget_peak()
    before = resident_mib()
    with mmap(-1, 64 * 2**20) as ballast:
        for _ in range(64):
            ballast.write(bytes(2**20))

    assert peak_mib() - before == pytest.approx(64, abs=8)
    assert resident_mib() - before < 8

    forget_peak()
    assert peak_mib() - before < 8


def test_memory_in_use_is_seen():
    with mmap(-1, 64 * 2**20) as ballast:  # of the system: an allocator might hand out what it has
        before = resident_mib()

        for _ in range(64):
            ballast.write(bytes(2**20))

        assert resident_mib() - before == pytest.approx(64, abs=8)
