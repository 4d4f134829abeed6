"""Searching galleries: in memory, in plain numpy and in pgvector, in one run.

With ``VITRINE_BENCH_LARGE=1`` also a million templates of 128 numbers and 200,000 of 512, which takes minutes.
"""

import io
import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

import faceid.search.bench
from faceid.bench import interleaved, recall_at_one, search, templates_and_probes
from faceid.gallery import Gallery
from faceid.match import Entry
from identities.bench_offered import offered_rows
from identities.pgvector_engine import written

SIZES = (10_000, 100_000)
EF_SEARCH = (40, 160)
"""pgvector's default, and what it takes to come near the exact answer; neither is offered, see :data:`OFFERED`."""

FILTERED = f"pgvector HNSW, ef {EF_SEARCH[0]}, a third in reach"
OFFERED = "in the database, as offered"
_SETTINGS = (
    "SELECT set_config('enable_indexscan', %s, true), set_config('hnsw.ef_search', %s, true),"
    " set_config('enable_sort', %s, true)"
)
_NEAREST = "SELECT number FROM bench_template ORDER BY embedding <#> %s::vector LIMIT 1"
_NEAREST_IN_REACH = (
    "SELECT number FROM bench_template WHERE mod(number, 3) = 0 ORDER BY embedding <#> %s::vector LIMIT 1"
)
"""One in three is in reach, as at one of an operator's venues."""

_PROBES = 200
_ROUNDS = 30
_OFFERED_ROUNDS = 10
_THREADS = (1, 2)


@dataclass(frozen=True, slots=True)
class Row:
    """One way to search one gallery.

    Attributes:
        templates: vectors in the gallery.
        engine: how it was searched.
        milliseconds: median of one search for one probe.
        ratio: times the plain numpy product of the same gallery, measured in turn.
        recall: share of 200 probes whose true nearest template came first, 0 to 1.
        build_seconds: time to make it searchable.
        dimension: numbers in one template.
    """

    templates: int
    engine: str
    milliseconds: float
    ratio: float
    recall: float
    build_seconds: float
    dimension: int = 128


def gallery_table(sizes: Sequence[int] = SIZES, *, rounds: int = _ROUNDS, seed: int = 1) -> list[Row]:
    """Measure each engine on each size; everything made in the database is rolled back.

    Args:
        sizes: numbers of templates.
        rounds: searches measured per engine.
        seed: of templates and probes.
    """
    rows = [row for size in sizes for row in _measured(size, rounds, seed)]
    return rows + large_gallery_table(rounds=rounds) if os.environ.get("VITRINE_BENCH_LARGE") == "1" else rows


def large_gallery_table(
    shapes: Sequence[tuple[int, int]] = faceid.search.bench.LARGE, *, rounds: int = _ROUNDS
) -> list[Row]:
    """Measure galleries in memory for strangers and members, on vectors without structure and on clustered ones.

    Numpy and the search have one thread each, then two each.

    Args:
        shapes: templates and numbers per template.
    """
    found = []
    for (count, dimension), threads in itertools.product(shapes, _THREADS):
        for row in faceid.search.bench.threaded_rows(count, dimension, threads=threads, rounds=rounds):
            about = f"{row.data}, {row.shows}, {row.probes} at once, threads: {threads}"
            found += [
                Row(count, f"plain numpy product: {about}", row.plain, 1.0, 1.0, 0.0, dimension),
                Row(
                    count, f"exact in memory: {about}", row.ours, row.ours / row.plain, row.recall, row.build_seconds,
                    dimension,
                ),
            ]  # fmt: skip
    return found


def _measured(size: int, rounds: int, seed: int) -> Iterator[Row]:
    templates, probes = templates_and_probes(size, _PROBES, seed=seed)
    truth = np.argmax(probes @ templates.T, axis=1)
    one = probes[:1]
    began = time.perf_counter()
    gallery = Gallery("emb_benchmark", templates.shape[1], _entries(templates))
    gallery_seconds = time.perf_counter() - began
    with _table(templates) as (plain_seconds, index_seconds):
        ways: dict[str, Callable[[], object]] = {
            "plain numpy product": lambda: np.argmax(one @ templates.T),
            "exact in memory": lambda: search(gallery, one),
            "pgvector exact": lambda: _nearest(one[0], exact=True),
            **{f"pgvector HNSW, ef {ef}": _hnsw(one[0], ef) for ef in EF_SEARCH},
            FILTERED: lambda: _nearest(one[0], reach=True),
        }
        filtered = np.argmax(probes[::3] @ templates[::3].T, axis=1) * 3
        medians = interleaved(list(ways.values()), rounds)
        recalls = [
            1.0, recall_at_one(gallery, templates, probes), _recall(probes, truth, exact=True),
            *(_recall(probes, truth, ef=ef) for ef in EF_SEARCH),
            _recall(probes[::3], filtered, reach=True),
        ]  # fmt: skip
    builds = [0.0, gallery_seconds, plain_seconds, *[plain_seconds + index_seconds] * (len(EF_SEARCH) + 1)]
    for engine, median, recall, build in zip(ways, medians, recalls, builds, strict=True):
        yield Row(size, engine, median, median / medians[0], recall, build)
    yield from _offered(size, rounds, seed)


def _offered(size: int, rounds: int, seed: int) -> Iterator[Row]:
    """Measure what galleries beyond memory are searched by, on vectors as dense as faces; an answer takes long."""
    for one in offered_rows("clustered", size, rounds=min(rounds, _OFFERED_ROUNDS), seed=seed):
        name = f"{OFFERED}: {one.reach}"
        yield Row(size, name, one.milliseconds, one.milliseconds / one.plain, one.recall, one.build_seconds)


def _entries(templates: NDArray[np.float32]) -> Iterator[Entry]:
    return (Entry(f"t{row}", f"s{row}", vector) for row, vector in enumerate(templates))


@contextmanager
def _table(templates: NDArray[np.float32]) -> Iterator[tuple[float, float]]:
    """Fill a temporary table and index it; yield the seconds of both, and roll everything back afterwards."""
    with transaction.atomic():
        began = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
            cursor.execute(
                f"CREATE TEMPORARY TABLE bench_template (number integer, embedding vector({templates.shape[1]}))"
            )
            lines = "".join(f"{number}\t{written(vector)}\n" for number, vector in enumerate(templates))
            cursor.copy_expert("COPY bench_template FROM STDIN", io.StringIO(lines))
            filled = time.perf_counter()
            cursor.execute(
                "CREATE INDEX bench_hnsw ON bench_template USING hnsw (embedding vector_ip_ops)"
                " WITH (m = 16, ef_construction = 64)"
            )
            cursor.execute("ANALYZE bench_template")
        yield filled - began, time.perf_counter() - filled
        transaction.set_rollback(True)


def _hnsw(probe: NDArray[np.float32], ef: int) -> Callable[[], int]:
    return lambda: _nearest(probe, ef=ef)


def _nearest(probe: NDArray[np.float32], *, exact: bool = False, ef: int = EF_SEARCH[0], reach: bool = False) -> int:
    """Return the nearest template's number, -1 where the index found none.

    Args:
        exact: compare all.
        ef: candidates the index keeps.
        reach: only those in reach.
    """
    settings = ["off" if exact else "on", str(ef), "on" if exact else "off"]
    with connection.cursor() as cursor:
        cursor.execute(_SETTINGS, settings)
        cursor.execute(_NEAREST_IN_REACH if reach else _NEAREST, [written(probe)])
        row = cursor.fetchone()
        return -1 if row is None else int(row[0])


def _recall(
    probes: NDArray[np.float32],
    truth: NDArray[np.intp],
    *,
    exact: bool = False,
    ef: int = EF_SEARCH[0],
    reach: bool = False,
) -> float:
    found = [_nearest(probe, exact=exact, ef=ef, reach=reach) for probe in probes]
    return float(np.mean(np.array(found) == truth))
