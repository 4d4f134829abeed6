from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from recsys.training.dataset import SCHEMA, data_digest, read_dataset
from training import export
from training.errors import RunFailed


def test_rows_are_streamed_in_groups_and_complete_when_named(
    tmp_path: Path, log_row: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "GROUP", 100)
    path, told = tmp_path / "examples.parquet", list[int]()

    def tell(rows: int) -> None:
        assert not path.exists()
        told.append(rows)

    rows = [log_row(number, viewer="sub_a" if number % 3 == 0 else None) for number in range(250)]
    exported = export.write(rows, path, tell=tell)

    assert told == [100, 200, 250]
    assert (exported.rows, exported.bytes, exported.sha256) == (250, path.stat().st_size, data_digest(path))
    assert exported.viewers == {"sub_a"}
    assert pq.ParquetFile(path).num_row_groups == 3
    assert pq.read_schema(path).equals(SCHEMA)
    assert len(read_dataset(path)) == 250


def test_an_export_that_breaks_off_leaves_nothing(tmp_path: Path, log_row: Any) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield log_row(1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        export.write(rows(), tmp_path / "examples.parquet", tell=lambda _: None)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [({"label": "yes"}, "export_failed"), ({"creative": None}, "export_failed"), ({"hour": 300}, "export_failed")],
)
def test_a_row_that_does_not_fit_is_refused(tmp_path: Path, log_row: Any, change: dict[str, Any], code: str) -> None:
    with pytest.raises(RunFailed) as caught:
        export.write([log_row(1) | change], tmp_path / "examples.parquet", tell=lambda _: None)

    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []
