"""What this library costs beside the work that cannot be avoided; ratios from interleaved runs on one machine."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import align
from faceid.gallery import Gallery
from faceid.image import decode
from faceid.match import IMPOSTOR_MARGIN, THRESHOLD_DEFAULT, Entry, Match, SearchEngine
from faceid.pipeline import Pipeline
from faceid.pixels import tensor_of

FRAME = (640, 480)
"""Width and height of the benchmark's frame in pixels."""

_DIMENSION = 128
_VENUE = "benchmark"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Medians of two things measured in turn.

    Attributes:
        name: what was measured against what.
        ours, bare: milliseconds.
        recall: share of probes whose true nearest neighbour came first, 0 to 1; None where nothing is searched.
    """

    name: str
    ours: float
    bare: float
    recall: float | None = None

    @property
    def ratio(self) -> float:
        """How many times the bare work ours takes."""
        return self.ours / self.bare


def recognition_ratio(pipeline: Pipeline, photograph: NDArray[np.uint8], *, rounds: int = 30) -> Ratio:
    """Measure a frame from JPEG bytes to embedding against the two networks alone on the same inputs.

    Args:
        photograph: RGB, uint8, shape (height, width, 3), with one face; it is fitted into a 640 x 480 frame.
        rounds: measurements of each.

    Raises:
        ValueError: the frame does not hold exactly one usable face.
    """
    data = frame_of(photograph)
    image = decode(data)
    faces = pipeline.faces(image)
    if len(faces) != 1 or faces[0].embedding is None:
        raise ValueError(f"The benchmark needs a frame with one usable face; this one has {len(faces)} faces.")
    crop = align(image, faces[0].face.landmarks)
    looked_at, compared = pipeline.manifest.detector.input, pipeline.manifest.recogniser.input
    detector_input, embedder_input = tensor_of([image], looked_at), tensor_of([crop], compared)

    def bare() -> None:
        pipeline.detector.session.run({looked_at.name: detector_input})
        pipeline.embedder.session.run({compared.name: embedder_input})

    ours_ms, bare_ms = interleaved([lambda: pipeline.faces(decode(data)), bare], rounds)
    return Ratio("recognise one 640x480 frame / detector + embedder sessions", ours_ms, bare_ms)


def gallery_ratio(count: int, *, rounds: int = 50, probes: int = 200, seed: int = 1) -> Ratio:
    """Measure exact search for one probe among ``count`` templates against a plain numpy product and argmax.

    Args:
        count: templates of 128 numbers.
        rounds: measurements of each.
        probes: probes for recall@1.
        seed: of templates and probes.
    """
    templates, queries = templates_and_probes(count, probes, seed=seed)
    entries = [Entry(f"t{row}", f"s{row}", vector) for row, vector in enumerate(templates)]
    gallery = Gallery("emb_benchmark", _DIMENSION, entries)
    ours_ms, bare_ms = interleaved(
        [lambda: search(gallery, queries[:1]), lambda: np.argmax(queries[:1] @ templates.T)], rounds
    )
    name = f"exact search of {count:,} x {_DIMENSION} / numpy product"
    return Ratio(name, ours_ms, bare_ms, recall_at_one(gallery, templates, queries))


def recall_at_one(engine: SearchEngine, templates: NDArray[np.float32], probes: NDArray[np.float32]) -> float:
    """Return the share of probes for which an engine names the true nearest template, keyed ``t<row>``."""
    truth = [f"t{row}" for row in np.argmax(probes @ templates.T, axis=1)]
    found = [matches[0].key if matches else None for matches in search(engine, probes)]
    return float(np.mean([key == right for key, right in zip(found, truth, strict=True)]))


def search(engine: SearchEngine, probes: NDArray[np.float32]) -> list[list[Match]]:
    """Ask an engine for the nearest subject of each probe, as the benchmarks do."""
    at = datetime.now(UTC)
    return engine.nearest(probes, k=1, threshold=THRESHOLD_DEFAULT - IMPOSTOR_MARGIN, at=at, venue=_VENUE)


def templates_and_probes(count: int, probes: int, *, seed: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw unit vectors and noisy captures of the first of them at cosine about .6, like two photographs of a person.

    Returns:
        Templates (count, 128) and probes (min(probes, count), 128), float32.
    """
    random = np.random.default_rng(seed)
    templates = _unit(random.standard_normal((count, _DIMENSION), dtype=np.float32))
    noise = _unit(random.standard_normal((min(probes, count), _DIMENSION), dtype=np.float32))
    return templates, _unit(templates[: len(noise)] + 1.3 * noise)


def interleaved(calls: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Run each call once per round in turn, after one warm-up, and return their medians in milliseconds."""
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds + 1):
        for call, taken in zip(calls, times, strict=True):
            begin = time.perf_counter()
            call()
            if turn:
                taken.append((time.perf_counter() - begin) * 1000)
    return [median(taken) for taken in times]


def frame_of(photograph: NDArray[np.uint8]) -> bytes:
    """Fit a photograph into a grey 640 x 480 frame and encode it as a camera would, JPEG at quality 90.

    Args:
        photograph: RGB, uint8, shape (height, width, 3).
    """
    width, height = FRAME
    scale = min(width / photograph.shape[1], height / photograph.shape[0])
    size = (round(photograph.shape[1] * scale), round(photograph.shape[0] * scale))
    frame = np.full((height, width, 3), 127, dtype=np.uint8)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    frame[top : top + size[1], left : left + size[0]] = cv2.resize(photograph, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1])


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
