"""Where the time of one frame goes, and how the whole compares with OpenCV's own pipeline on the same pictures."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeVar

import cv2

from faceid.align import align
from faceid.detect import Face
from faceid.errors import DegenerateLandmarks, FaceError
from faceid.frame import Frame, Pixels, require
from faceid.image import decode
from faceid.opencv import OpenCV
from faceid.pipeline import Pipeline
from faceid.quality import SCREEN, measure
from faceid.rules import Profile
from faceid.upright import upright

STAGES: Final = ("decode", "detect", "look upright", "align", "quality", "embed")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the way from a file to an embedding: its median over pictures and rounds, milliseconds."""

    name: str
    median: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two pipelines on the same decoded frames in turn.

    Attributes:
        frames: pictures with a usable face.
        faces: faces embedded per round, the same number by both.
        opencv: which recogniser's file OpenCV ran.
        ours_ms, opencv_ms: medians over rounds of the mean time per frame, milliseconds.
    """

    frames: int
    faces: int
    opencv: str
    ours_ms: float
    opencv_ms: float

    @property
    def throughput(self) -> float:
        """How many frames ours does in the time OpenCV takes for one."""
        return self.opencv_ms / self.ours_ms


def stages(pipeline: Pipeline, files: Sequence[bytes], *, rounds: int = 3) -> list[Stage]:
    """Measure each stage on the largest face of each picture, after one round to warm up.

    Args:
        files: JPEG, PNG or WebP files; those without a face count for decoding and detection alone.
        rounds: measurements of each picture.

    Raises:
        FaceError: a file is no picture.
    """
    taken: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds + 1):
        for data in files:
            for name, milliseconds in _walk(pipeline, data):
                if turn:
                    taken[name].append(milliseconds)
    return [Stage(name, median(taken[name])) for name in STAGES if name in taken]


def compare(
    pipeline: Pipeline,
    opencv: Sequence[OpenCV],
    files: Sequence[bytes],
    *,
    profile: Profile = SCREEN,
    rounds: int = 3,
) -> Comparison:
    """Measure our pipeline against the fastest of several set-ups of OpenCV, in turn, frame by frame.

    Both detect on the picture shrunk to 640 pixels, align and embed the same number of faces per frame. Ours looks at
    tilted faces again and measures quality on top.

    Args:
        opencv: the same networks in the files that OpenCV might like best; the fastest one counts.
        files: JPEG, PNG or WebP files.
        profile: how good a face must be for ours to embed it.
        rounds: measurements of each frame.

    Raises:
        FaceError: a file is no picture.
        ValueError: no picture has a usable face.
    """
    frames = [(frame, count) for frame in map(decode, files) if (count := _embedded(pipeline, frame, profile))]
    if not frames:
        raise ValueError("The comparison needs a picture with a usable face.")
    fastest = min(opencv, key=lambda one: _quickest(one, frames[0][0]))
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(rounds + 1):
        sums = [0.0, 0.0]
        for frame, count in frames:
            sums[0] += _timed(lambda frame=frame: pipeline.faces(frame, profile))[1]  # type: ignore[misc]
            sums[1] += _timed(lambda frame=frame, count=count: fastest.embeddings(frame, most=count))[1]  # type: ignore[misc]
        if turn:
            ours.append(sums[0] / len(frames))
            theirs.append(sums[1] / len(frames))
    return Comparison(len(frames), sum(count for _, count in frames), fastest.name, median(ours), median(theirs))


@contextmanager
def opencv_threads(threads: int) -> Iterator[None]:
    """Let OpenCV use as many threads as our sessions, and restore what it had."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _walk(pipeline: Pipeline, data: bytes) -> Iterator[tuple[str, float]]:
    frame, taken = _timed(lambda: decode(data))
    yield "decode", taken
    image = require(frame)
    faces, taken = _timed(lambda: pipeline.detector.faces(image))
    yield "detect", taken
    if faces:
        try:
            yield from _walk_face(pipeline, image, faces[0])
        except DegenerateLandmarks:
            return


def _walk_face(pipeline: Pipeline, image: Pixels, face: Face) -> Iterator[tuple[str, float]]:
    found, taken = _timed(lambda: upright(pipeline.detector, image, face))
    yield "look upright", taken
    crop, taken = _timed(lambda: align(image, found.landmarks))
    yield "align", taken
    yield "quality", _timed(lambda: measure(image, found, crop, SCREEN))[1]
    side = pipeline.manifest.recogniser.side
    sized = align(image, found.landmarks, side)
    yield "embed", _timed(lambda: pipeline.embedder.embed([sized]))[1]


def _embedded(pipeline: Pipeline, frame: Frame, profile: Profile) -> int:
    return sum(one.embedding is not None for one in pipeline.faces(frame, profile))


def _quickest(opencv: OpenCV, frame: Frame) -> float:
    try:
        return min(_timed(lambda: opencv.embeddings(frame, most=1))[1] for _ in range(4))
    except (FaceError, cv2.error):
        return float("inf")


def _timed(call: Callable[[], Result]) -> tuple[Result, float]:
    begin = time.perf_counter()
    result = call()
    return result, (time.perf_counter() - begin) * 1000
