"""Searching galleries of 10,000 and 100,000 templates: in memory, in plain numpy and in pgvector, in one run."""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from faceid.bench import interleaved, recall_at_one, search, templates_and_probes
from faceid.gallery import Gallery
from faceid.match import Entry
from identities.pgvector_engine import written

SIZES = (10_000, 100_000)
EF_SEARCH = (40, 160)
"""pgvector's default, and what it takes to come near the exact answer."""

_PROBES = 200
_ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Row:
    """One way to search one gallery.

    Attributes:
        templates: vectors of 128 numbers in the gallery.
        engine: how it was searched.
        milliseconds: median of one search for one probe.
        ratio: times the plain numpy product of the same gallery, measured in turn.
        recall: share of 200 probes whose true nearest template came first, 0 to 1.
        build_seconds: time to make it searchable.
    """

    templates: int
    engine: str
    milliseconds: float
    ratio: float
    recall: float
    build_seconds: float


def gallery_table(sizes: Sequence[int] = SIZES, *, rounds: int = _ROUNDS, seed: int = 1) -> list[Row]:
    """Measure each engine on each size; everything made in the database is rolled back.

    Args:
        sizes: numbers of templates.
        rounds: searches measured per engine.
        seed: of templates and probes.
    """
    return [row for size in sizes for row in _measured(size, rounds, seed)]


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
        }
        medians = interleaved(list(ways.values()), rounds)
        recalls = [
            1.0, recall_at_one(gallery, templates, probes), _recall(probes, truth, exact=True),
            *(_recall(probes, truth, ef=ef) for ef in EF_SEARCH),
        ]  # fmt: skip
    builds = [0.0, gallery_seconds, plain_seconds, *[plain_seconds + index_seconds] * len(EF_SEARCH)]
    for engine, median, recall, build in zip(ways, medians, recalls, builds, strict=True):
        yield Row(size, engine, median, median / medians[0], recall, build)


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


def _nearest(probe: NDArray[np.float32], *, exact: bool = False, ef: int = EF_SEARCH[0]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('enable_indexscan', %s, true), set_config('hnsw.ef_search', %s, true);"
            "SELECT number FROM bench_template ORDER BY embedding <#> %s::vector LIMIT 1",
            ["off" if exact else "on", str(ef), written(probe)],
        )
        return int(cursor.fetchone()[0])


def _recall(
    probes: NDArray[np.float32], truth: NDArray[np.intp], *, exact: bool = False, ef: int = EF_SEARCH[0]
) -> float:
    found = [_nearest(probe, exact=exact, ef=ef) for probe in probes]
    return float(np.mean(np.array(found) == truth))
