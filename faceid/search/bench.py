"""What searching a gallery costs beside numpy's product of the same vectors; ratios from interleaved runs.

``python -m faceid.search.bench '{"count": ..., "dimension": ...}'`` prints the rows of :func:`gallery_rows` as lines of
JSON; :func:`threaded_rows` runs it, because numpy learns once, when it is loaded, how many threads it may use.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceid.gallery import Gallery
from faceid.match import IMPOSTOR_MARGIN, THRESHOLD_DEFAULT
from faceid.search.columns import EVERYWHERE, Columns

SIZES = ((10_000, 128), (100_000, 128))
LARGE = ((1_000_000, 128), (200_000, 512))
"""Templates and numbers per template; making and measuring the large ones takes minutes."""

THRESHOLD = THRESHOLD_DEFAULT - IMPOSTOR_MARGIN
"""What recognition asks for: everybody who may matter for the decision."""

BATCHES = (1, 8, 32)
DATA = ("isotropic", "clustered")
_MEAN = 0.305
_SPECTRUM = (0.0169, 0.0139, 0.0115, 0.0115, 0.0092, 0.0092, 0.0075, 0.0075, *[0.0057] * 4, *[0.0038] * 4)
"""Length of the mean, and mean variance of each 16th of the principal directions, of SFace's embeddings of photographs
of 815 people. Two strangers have a cosine of .09, standard deviation .09; one pair in a thousand exceeds .36."""

_CHUNK = 50_000
_REST = 0.02
"""Seconds that are looked at for whether this process is idle, at most :data:`_MOST_RESTS` times."""

_MOST_RESTS = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One way of asking one gallery.

    Attributes:
        templates, dimension: shape of the gallery.
        data: isotropic, or clustered like real embeddings.
        probes: per search.
        shows: whether the probes show strangers or people of the gallery.
        threads: of both.
        plain: milliseconds of numpy's float32 product and argmax, median.
        ours: milliseconds of the whole search with k = 2, median.
        plain_least, ours_least: the same where the machine disturbed least.
        recall: share of probes with the answer of comparing everything: the true nearest, or rightly nobody.
        build_seconds: time to make the gallery.
    """

    templates: int
    dimension: int
    data: str
    probes: int
    shows: str
    threads: int
    plain: float
    ours: float
    plain_least: float
    ours_least: float
    recall: float
    build_seconds: float

    @property
    def times(self) -> float:
        """How many times faster than numpy's product."""
        return self.plain / self.ours

    @property
    def times_at_best(self) -> float:
        """The same, each where the machine disturbed least."""
        return self.plain_least / self.ours_least


def gallery_rows(
    count: int,
    dimension: int,
    *,
    data: Sequence[str] = DATA,
    batches: Sequence[int] = BATCHES,
    threads: int = 1,
    rounds: int = 15,
    seed: int = 1,
) -> Iterator[Row]:
    """Measure a gallery for strangers and for people in it, one probe at a time and many.

    Args:
        count, dimension: shape of the gallery.
        data: kinds of vectors.
        threads: of our search; numpy uses as many as ``OPENBLAS_NUM_THREADS`` said when it was loaded.
        rounds: searches measured of each.
    """
    for kind in data:
        random = np.random.default_rng(seed)
        vectors = templates(kind, count, dimension, random)
        began = time.perf_counter()
        gallery = Gallery("emb_benchmark", dimension, columns_of(vectors), threads=threads)
        seconds = time.perf_counter() - began
        for shows in ("strangers", "members"):
            probes = probes_of(kind, vectors, shows == "members", max(batches) * 4, random)
            recall = _recall(gallery, vectors, probes[:64])
            for batch in batches:
                plain, ours = _measured(gallery, vectors, probes, batch, rounds)
                yield Row(
                    count, dimension, kind, batch, shows, threads, median(plain), median(ours), min(plain), min(ours),
                    recall, seconds,
                )  # fmt: skip


def threaded_rows(count: int, dimension: int, *, threads: int, **about: Any) -> list[Row]:
    """Measure a gallery with as many threads for numpy as for us, in a process of its own.

    Args:
        count, dimension: shape of the gallery.
        threads: of both.
        about: other arguments of :func:`gallery_rows`.

    Raises:
        subprocess.CalledProcessError: the process failed; its message went to the error stream.
    """
    asked = json.dumps({"count": count, "dimension": dimension, "threads": threads, **about})
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "faceid.search.bench", asked]
    made = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [Row(**json.loads(line)) for line in made.stdout.splitlines()]


def templates(kind: str, count: int, dimension: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Draw unit vectors, float32, shape (count, dimension), rotated as protected templates are.

    Args:
        kind: ``isotropic`` or ``clustered``.
    """
    mean, spread, rotation = _shape(kind, dimension)
    vectors = np.empty((count, dimension), dtype=np.float32)
    for begin in range(0, count, _CHUNK):  # a million vectors at once would take gigabytes
        drawn = random.standard_normal((min(_CHUNK, count - begin), dimension), dtype=np.float32)
        vectors[begin : begin + _CHUNK] = _unit((mean + drawn * spread) @ rotation)
    return vectors


def probes_of(
    kind: str, vectors: NDArray[np.float32], members: bool, count: int, random: np.random.Generator
) -> NDArray[np.float32]:
    """Draw probes of strangers, or captures of the first templates at cosine about .6 (isotropic) or .7 (clustered)."""
    strangers = templates(kind, count, vectors.shape[1], random)
    if not members:
        return strangers
    return _unit(vectors[np.arange(count) % len(vectors)] + (1.3 if kind == "isotropic" else 1.0) * strangers)


def columns_of(vectors: NDArray[np.float32]) -> Columns:
    """Make columns of templates without end or venue, template and subject ``t<row>``."""
    keys = np.char.add("t", np.arange(len(vectors)).astype("U8")).astype(np.bytes_)
    everywhere = np.full(len(vectors), EVERYWHERE, dtype=np.int32)
    return Columns(keys, keys, vectors, np.full(len(vectors), np.inf), everywhere, ())


def _measured(
    gallery: Gallery, vectors: NDArray[np.float32], probes: NDArray[np.float32], batch: int, rounds: int
) -> tuple[list[float], list[float]]:
    at, plain, ours = datetime.now(UTC), list[float](), list[float]()
    for turn in range(rounds + 1):
        asked = probes[turn * batch % len(probes) :][:batch]
        began = time.perf_counter()
        np.argmax(asked @ vectors.T, axis=1)
        took = time.perf_counter() - began
        _rest()
        began = time.perf_counter()
        gallery.nearest(asked, k=2, threshold=THRESHOLD, at=at, venue="")
        ended = time.perf_counter()
        _rest()
        if turn:  # the first one warms up
            plain.append(took * 1000)
            ours.append((ended - began) * 1000)
    return plain, ours


def _rest() -> None:
    """Wait until this process is idle: OpenBLAS's threads keep a processor busy for .1 seconds after their product."""
    for _ in range(_MOST_RESTS):
        before = time.process_time()
        time.sleep(_REST)
        if time.process_time() - before < _REST / 10:
            return


def _recall(gallery: Gallery, vectors: NDArray[np.float32], probes: NDArray[np.float32]) -> float:
    found = gallery.nearest(probes, k=1, threshold=THRESHOLD, at=datetime.now(UTC), venue="")
    right = 0
    for probe, matches in zip(probes, found, strict=True):
        scores = vectors @ probe
        best = int(np.argmax(scores))
        if matches:
            # Of two that tie in float32 either may come first.
            right += float(scores[int(matches[0].key[1:])]) >= float(scores[best]) - 1e-6
        else:
            right += float(scores[best]) < THRESHOLD + 1e-6
    return right / len(probes)


def _shape(kind: str, dimension: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    fixed = np.random.default_rng(0)
    rotation = np.linalg.qr(fixed.standard_normal((dimension, dimension)))[0].astype(np.float32)
    mean, spread = np.zeros(dimension, dtype=np.float32), np.ones(dimension, dtype=np.float32)
    if kind == "clustered":
        variances = np.interp(np.linspace(0, len(_SPECTRUM) - 1, dimension), np.arange(len(_SPECTRUM)), _SPECTRUM)
        spread = np.sqrt(variances / variances.sum() * (1 - _MEAN**2)).astype(np.float32)
        mean[-1] = _MEAN
    return mean, spread, rotation


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


if __name__ == "__main__":
    for measured in gallery_rows(**json.loads(sys.argv[1])):
        sys.stdout.write(json.dumps(asdict(measured)) + "\n")
