"""Whether memory stays flat while frames of many sizes come for a long time."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from faceid.frame import from_rgb, require
from faceid.image import decode
from faceid.pipeline import Pipeline

WARM_UP: Final = 200
"""Frames before the first measurement: caches and arenas reach their size in them."""

_STATM: Final = Path("/proc/self/statm")
_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Soak:
    """Resident memory of this process, mebibytes: after warming up, half way and at the end."""

    frames: int
    start: float
    middle: float
    end: float

    @property
    def growth(self) -> float:
        """Mebibytes gained between the start and the end."""
        return self.end - self.start

    @property
    def later_growth(self) -> float:
        """Mebibytes gained in the second half, when caches have long had their size: what a leak would show."""
        return self.end - self.middle


def soak(
    pipeline: Pipeline,
    files: Sequence[bytes],
    frames: int,
    *,
    seed: int = 1,
    tell: Callable[[int], None] = lambda _: None,
) -> Soak:
    """Decode, shrink to a random size, detect and embed again and again, and watch the process's memory.

    Args:
        files: JPEG, PNG or WebP files, taken in turn.
        frames: frames after warming up.
        seed: of the sizes, half to all of each side: a new shape for nearly every frame, the worst case for caches.
        tell: called with the number of each frame done.
    """
    random = np.random.default_rng(seed)

    def one(number: int) -> None:
        image = require(decode(files[number % len(files)]))
        tall, wide = random.uniform(0.5, 1.0, 2)
        size = (max(1, round(image.shape[1] * wide)), max(1, round(image.shape[0] * tall)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        pipeline.faces(from_rgb(np.asarray(small, dtype=np.uint8)))

    for number in range(min(WARM_UP, frames)):
        one(number)
    seen = [resident_mib()]
    for number in range(frames):
        one(number)
        if number + 1 in {frames // 2, frames}:
            seen.append(resident_mib())
        tell(number + 1)
    return Soak(frames, seen[0], seen[-2], seen[-1])


def resident_mib() -> float:
    """Return the memory of this process that is in use now, mebibytes; on systems without /proc the most so far."""
    if _STATM.exists():
        pages = int(_STATM.read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return _most_so_far_mib()


def peak_mib() -> float:
    """Return the most memory of this process that was in use at once since :func:`forget_peak`, mebibytes.

    What was taken and given back in between counts, which :func:`resident_mib` cannot see. On systems without /proc:
    the most since the process began.
    """
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**10
    return _most_so_far_mib()


def forget_peak() -> None:
    """Let :func:`peak_mib` begin anew with what is in use now; does nothing where the system cannot.

    proc(5), /proc/pid/clear_refs, value 5.
    """
    if _CLEAR.exists():
        _CLEAR.write_text("5")


def _most_so_far_mib() -> float:
    import resource
    import sys

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
