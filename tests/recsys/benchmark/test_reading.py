from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.benchmark import errors
from recsys.benchmark.log import Choices
from recsys.benchmark.reading import read_log
from recsys.guard import ForbiddenFeature

Write = Callable[..., Path]
HEADER = "user,item,label,timestamp"
ROWS = ("a,x,1,2026-05-01T10:00:00", "a,y,0,2026-05-01T11:00:00", "b,x,0,2026-05-02T09:00:00")


def test_rows_are_sorted_by_time(written: Write):
    log = read_log(written(HEADER, ROWS[2], ROWS[1], ROWS[0]), Choices())

    assert log.labels.tolist() == [1, 0, 0]
    assert log.user.tolist() == [0, 0, 1]
    assert log.item.tolist() == [0, 1, 0]
    assert log.at[0] == int(datetime(2026, 5, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("first", "microseconds"),
    [
        ("1700000000", 1_700_000_000_000_000),
        ("1700000000000", 1_700_000_000_000_000),
        ("1700000000000000", 1_700_000_000_000_000),
        ("1700000000.5", 1_700_000_000_500_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000_000),
        ("2023-11-14 23:13:20+01:00", 1_700_000_000_000_000),
        ("2023-11-14", 1_699_920_000_000_000),
    ],
)
def test_timestamps_are_read_however_they_are_written(written: Write, first: str, microseconds: int):
    log = read_log(written(HEADER, f"a,x,1,{first}", f"a,y,0,{first}"), Choices())

    assert log.at.tolist() == [microseconds, microseconds]


def test_a_format_of_ones_own_is_read(written: Write):
    choices = Choices(timestamp_format="%d.%m.%Y %H:%M")
    log = read_log(written(HEADER, "a,x,1,14.11.2023 22:13", "a,y,0,14.11.2023 22:14"), choices)

    assert np.diff(log.at).tolist() == [60_000_000]


def test_types_are_inferred(written: Write):
    lines = [
        f"a,x{row % 3},{row % 2},{row},{row},{row % 4},{row / 3},{'yes' if row % 2 else 'no'}" for row in range(80)
    ]
    log = read_log(written(f"{HEADER},many,few,real,word", *lines), Choices())

    kinds = {column.name: column.kind for column in log.columns}
    assert kinds == {"many": "numeric", "few": "categorical", "real": "numeric", "word": "categorical"}


def test_types_are_overridden(written: Write):
    lines = [f"a,x{row % 3},{row % 2},{row},{row},{row % 4},9" for row in range(80)]
    choices = Choices(categorical=("many",), numeric=("few",), ignore=("gone",))
    log = read_log(written(f"{HEADER},many,few,gone", *lines), choices)

    assert {column.name: column.kind for column in log.columns} == {"many": "categorical", "few": "numeric"}


def test_roles_are_inferred_from_what_determines_what(written: Write):
    lines = [f"u{row % 5},i{row % 4},{row % 2},{row},{(row % 4) // 2},{(row % 5) // 2},{row % 3}" for row in range(60)]
    log = read_log(written(f"{HEADER},kind,town,slot", *lines), Choices())

    assert {column.name: column.role for column in log.columns} == {"kind": "item", "town": "user", "slot": "context"}


def test_roles_are_overridden(written: Write):
    lines = [f"u{row % 5},i{row % 4},{row % 2},{row},{row % 3},{row % 7}" for row in range(60)]
    log = read_log(written(f"{HEADER},one,two", *lines), Choices(item_columns=("one",), user_columns=("two",)))

    assert {column.name: column.role for column in log.columns} == {"one": "item", "two": "user"}


def test_instants_become_hour_and_weekday(written: Write):
    log = read_log(written(HEADER, *ROWS), Choices())

    found = {column.name: column.codes.tolist() for column in log.columns}
    assert found == {"timestamp.hour": [10, 11, 9], "timestamp.weekday": [4, 4, 5]}
    assert read_log(written(HEADER, *ROWS), Choices(ignore=("timestamp.hour", "timestamp.weekday"))).columns == ()


def test_columns_are_mapped_and_ratings_become_labels(written: Write):
    path = written("who,what,stars,when", "a,x,4.5,1", "a,y,3,2", "b,x,4,3")
    log = read_log(path, Choices(user="who", item="what", label="stars", timestamp="when", positive_from=4))

    assert log.labels.tolist() == [1, 0, 1]


def test_a_log_may_lack_users_items_and_timestamps(written: Write):
    log = read_log(written("label,size", "1,3.5", "0,2.5"), Choices(user=None, item=None, timestamp=None))

    assert not log.has_users
    assert not log.has_items
    assert log.at.tolist() == [0, 1]


def test_only_the_latest_rows_are_kept(written: Write):
    log = read_log(written(HEADER, "b,z,1,2026-04-30", *ROWS), Choices(max_rows=3))

    assert log.labels.tolist() == [1, 0, 0]


def test_parquet_reads_like_csv(written: Write, tmp_path: Path):
    path = tmp_path / "log.parquet"
    moments = [datetime(2026, 5, 1, 10), datetime(2026, 5, 1, 11), datetime(2026, 5, 2, 9)]
    pq.write_table(
        pa.table({"user": ["a", "a", "b"], "item": ["x", "y", "x"], "label": [1, 0, 0], "timestamp": moments}), path
    )

    ours, theirs = read_log(path, Choices()), read_log(written(HEADER, *ROWS), Choices())
    assert ours.at.tolist() == theirs.at.tolist()
    assert ours.item.tolist() == theirs.item.tolist()


def test_empty_places_of_further_columns_are_no_words(written: Write):
    log = read_log(written(f"{HEADER},word,real", "a,x,1,1,one,", "a,y,0,2,,0.5", "b,y,0,3,two,1.5"), Choices())

    word, real = log.columns
    assert word.codes.tolist() == [0, -1, 1]
    assert np.isnan(real.values).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("lines", "refusal", "says"),
    [
        ((HEADER,), errors.DataEmpty, "holds no rows"),
        ((), errors.DataEmpty, "holds no rows"),
        (("user,item,label", "a,x,1"), errors.ColumnMissing, "no column timestamp"),
        ((HEADER, "a,x,1,1", "a,y,1,2"), errors.OneClass, "All 2 labels are 1"),
        ((HEADER, "a,x,1,1", "a,y,NaN,2"), errors.LabelUnusable, "NaN in 1 rows"),
        ((HEADER, "a,x,1,1", "a,y,,2"), errors.LabelUnusable, "NaN in 1 rows"),
        ((HEADER, "a,x,5,1", "a,y,0,2"), errors.LabelUnusable, "--positive-from"),
        ((HEADER, "a,x,yes,1", "a,y,no,2"), errors.LabelUnusable, "string"),
        ((HEADER, "a,x,1,yesterday", "a,y,0,today"), errors.TimestampUnusable, "'yesterday'"),
        ((HEADER, "a,x,1,1", "a,y,0,"), errors.TimestampUnusable, "empty in 1 rows"),
        ((HEADER, "a,x,1,inf", "a,y,0,2.5"), errors.TimestampUnusable, "infinity"),
        ((HEADER, "a,,1,1", "a,y,0,2"), errors.ColumnUnusable, "empty in 1 rows"),
        ((f"{HEADER},item", "a,x,1,1,y"), errors.ColumnUnusable, "used twice"),
        ((HEADER, "a,x,1"), errors.DataUnreadable, "cannot be read"),
    ],
)
def test_unusable_files_are_refused_with_a_reason(
    written: Write, lines: tuple[str, ...], refusal: type[errors.BenchmarkRefused], says: str
):
    with pytest.raises(refusal, match=says) as caught:
        read_log(written(*lines), Choices())

    assert caught.value.code != errors.BenchmarkRefused.code
    assert "Expected: " in str(caught.value)


def test_a_column_of_words_cannot_be_numeric(written: Write):
    with pytest.raises(errors.ColumnUnusable, match="--ignore town"):
        read_log(written(f"{HEADER},town", "a,x,1,1,Paris", "a,y,0,2,Rome"), Choices(numeric=("town",)))


def test_what_a_face_gives_away_is_refused_unless_ignored(written: Write):
    path = written(f"{HEADER},gender", "a,x,1,1,f", "a,y,0,2,m")

    with pytest.raises(ForbiddenFeature, match="gender"):
        read_log(path, Choices())
    assert len(read_log(path, Choices(ignore=("gender",)))) == 2


def test_a_broken_parquet_file_is_refused(tmp_path: Path):
    path = tmp_path / "log.parquet"
    path.write_bytes(b"PAR1 and nothing else")

    with pytest.raises(errors.DataUnreadable, match="cannot be read"):
        read_log(path, Choices())
