"""The benchmark measures what it says, and leaves nothing in the database."""

import pytest
from django.db import connection

from identities.bench import EF_SEARCH, FILTERED, WALKED, gallery_table, large_gallery_table


@pytest.mark.django_db
def test_every_engine_is_measured_against_the_same_truth() -> None:
    rows = gallery_table([500], rounds=2)

    assert [row.engine for row in rows] == [
        "plain numpy product", "exact in memory", "pgvector exact", *(f"pgvector HNSW, ef {ef}" for ef in EF_SEARCH),
        FILTERED, WALKED,
    ]  # fmt: skip
    assert rows[0].ratio == 1.0
    assert [row.recall for row in rows[:3]] == [1.0, 1.0, 1.0]
    assert all(row.recall > 0.9 for row in rows[3:])
    assert all(row.milliseconds > 0 and row.templates == 500 for row in rows)


@pytest.mark.django_db
def test_nothing_is_left_behind() -> None:
    gallery_table([50], rounds=1)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'bench_%'")
        assert cursor.fetchone() == (0,)


def test_large_galleries_are_measured_in_memory_only() -> None:
    rows = large_gallery_table([(300, 8)], rounds=1)

    assert len(rows) == 2 * 2 * 2 * 2 * 3
    assert {row.engine[-10:] for row in rows} == {"threads: 1", "threads: 2"}
    assert {row.engine.partition(":")[0] for row in rows} == {"plain numpy product", "exact in memory"}
    assert {(row.templates, row.dimension, row.recall) for row in rows} == {(300, 8, 1.0)}
