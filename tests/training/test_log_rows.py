from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.training.dataset import SCHEMA
from training.drift import log_rows


@pytest.fixture
def log(tmp_path: Path, log_row: Callable[..., dict[str, Any]]) -> Path:
    """Plays and imported lines in turns, newest first, in row groups of seven."""
    made = [
        log_row(number, source="plays" if number % 2 else "ratings") | {"hour": number % 24} for number in range(60)
    ]
    path = tmp_path / "examples.parquet"
    pq.write_table(pa.Table.from_pylist(made[::-1], schema=SCHEMA), path, row_group_size=7)
    return path


def test_plays_alone_are_told_newest_first(log: Path) -> None:
    found = log_rows.played(log)

    assert [row.hour for row in found] == [number % 24 for number in range(59, 0, -2)]


def test_of_many_plays_the_latest_are_told(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_rows, "MOST_ROWS", 4)

    assert [row.hour for row in log_rows.played(log)] == [59 % 24, 57 % 24, 55 % 24, 53 % 24]


def test_a_log_without_plays_has_none_to_tell(tmp_path: Path, log_row: Callable[..., dict[str, Any]]) -> None:
    path = tmp_path / "examples.parquet"
    pq.write_table(pa.Table.from_pylist([log_row(1, source="ratings")], schema=SCHEMA), path)

    assert log_rows.played(path) == []
