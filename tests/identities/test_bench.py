"""The benchmark measures what it says, and leaves nothing in the database."""

from typing import Any

import pytest
from django.db import connection

from accounts.models import Operator
from identities import bench_offered, hnsw_engine
from identities.bench import EF_SEARCH, FILTERED, OFFERED, gallery_table, large_gallery_table
from identities.bench_offered import offered_rows
from identities.hnsw_engine import HnswEngine

REACHES = (
    "all in reach", "a third in reach", "a tenth in reach", "a hundredth in reach",
    "a third in reach, half of all deleted", "all in reach, half of all deleted",
)  # fmt: skip


@pytest.mark.django_db
def test_every_engine_is_measured_against_the_same_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hnsw_engine, "EXACT_UP_TO", 50)
    monkeypatch.setattr(bench_offered, "PROBES", 40)

    rows = gallery_table([500], rounds=2)

    assert [row.engine for row in rows] == [
        "plain numpy product", "exact in memory", "pgvector exact", *(f"pgvector HNSW, ef {ef}" for ef in EF_SEARCH),
        FILTERED, *(f"{OFFERED}: {reach}" for reach in REACHES),
    ]  # fmt: skip
    assert rows[0].ratio == 1.0
    assert [row.recall for row in rows[:3]] == [1.0, 1.0, 1.0]
    assert all(row.recall > 0.9 for row in rows[3:])
    assert all(row.milliseconds > 0 and row.templates == 500 for row in rows)


@pytest.mark.django_db
def test_nothing_is_left_behind() -> None:
    gallery_table([100], rounds=1)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'bench_%' OR relname LIKE 'template_hnsw_%'")
        assert cursor.fetchone() == (0,)
    assert not Operator.objects.exists()


@pytest.mark.django_db
def test_people_in_reach_are_counted_as_venues_and_deletions_leave_them(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[int] = []
    walk = HnswEngine._walk

    def counted(self: HnswEngine, *asked: Any) -> Any:
        walked.append(1)
        return walk(self, *asked)

    monkeypatch.setattr(HnswEngine, "_walk", counted)
    monkeypatch.setattr(hnsw_engine, "EXACT_UP_TO", 40)

    rows = []
    for row in offered_rows("clustered", 300, rounds=1):
        rows.append((row.reach, row.in_reach, bool(walked)))
        walked.clear()

    assert [reach for reach, _, _ in rows] == list(REACHES)
    assert [count for _, count, _ in rows[:4]] == [300, 100, 30, 3]
    assert rows[5][1] == 150
    assert 30 < rows[4][1] < 70
    assert [by_index for _, _, by_index in rows] == [True, True, False, False, rows[4][1] > 40, True]


def test_large_galleries_are_measured_in_memory_only() -> None:
    rows = large_gallery_table([(300, 8)], rounds=1)

    assert len(rows) == 2 * 2 * 2 * 2 * 3
    assert {row.engine[-10:] for row in rows} == {"threads: 1", "threads: 2"}
    assert {row.engine.partition(":")[0] for row in rows} == {"plain numpy product", "exact in memory"}
    assert {(row.templates, row.dimension, row.recall) for row in rows} == {(300, 8, 1.0)}
