"""The log is checked before it is learnt from, and split into earlier and later."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.columns import Words
from recsys.features import Context, ForbiddenFeature, Item, Viewer, encode, encode_items
from recsys.training.dataset import SCHEMA, TASKS, Examples, data_digest, read_dataset, split_by_time
from recsys.training.errors import (
    DuplicateExamples,
    EmptyLog,
    MissingColumns,
    MissingValues,
    OneClass,
    TrainingRefused,
    UnreadableDataset,
    ValueOutOfRange,
    WrongColumnType,
)


def with_column(rows, name, values, kind):
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values, kind))


def examples_at(times, labels):
    rows = len(times)
    none = Words((), np.full(rows, -1, dtype=np.int32))
    return Examples(
        feeds={"row": np.arange(rows, dtype=np.int32).reshape(-1, 1)},
        labels=np.array(labels, dtype=np.float32),
        at=np.array(times, dtype=np.int64),
        viewer=none,
        creative=none,
        category=none,
        source=none,
    )


def test_rows_come_oldest_first_and_encoded_as_serving_encodes_them(planted, write_log):
    path = write_log(planted.rows[400:500][::-1])

    examples = read_dataset(path)

    assert (np.diff(examples.at) > 0).all()
    for place in (0, 40, 99):
        row = planted.rows[400 + place]
        viewer = Viewer(row["viewer"], tuple(map(_behaviour, row["history_creatives"], row["history_categories"])))
        context = Context(
            *(row[name] for name in ("screen", "venue", "venue_category", "scene", "hour", "weekday", "party"))
        )
        item = Item(row["creative"], row["category"], row["advertiser"])
        served = encode(context, [viewer], encode_items([item]), row["position"])
        for name, ids in served.items():
            np.testing.assert_array_equal(examples.feeds[name][place], ids[0], err_msg=name)
        assert examples.labels[place] == row["label"]
        assert examples.at[place] == int(row["at"].timestamp() * 1_000_000)


def _behaviour(creative, category):
    from recsys.features import Behaviour

    return Behaviour(creative, category)


def test_only_the_latest_rows_are_kept(planted):
    examples = read_dataset(planted.path, max_rows=100)

    assert len(examples) == 100
    assert examples.at[-1] == int(planted.rows[-1]["at"].timestamp() * 1_000_000)


def test_wider_integers_and_large_strings_are_read(planted, write_log):
    rows = planted.rows[:50]
    table = with_column(rows, "hour", [row["hour"] for row in rows], pa.int64())
    table = table.set_column(3, "creative", pa.array([row["creative"] for row in rows], pa.large_string()))

    assert len(read_dataset(write_log(table))) == 50


def test_a_log_of_anonymous_viewers_only_is_read(planted, write_log):
    rows = [dict(row, viewer=None, history_creatives=[], history_categories=[]) for row in planted.rows[:50]]

    examples = read_dataset(write_log(rows))

    assert (examples.feeds["viewer"] == 0).all()
    assert (examples.feeds["history_creative"] == 0).all()
    assert (examples.viewer.codes == -1).all()


def test_the_data_digest_is_that_of_the_file(planted):
    assert data_digest(planted.path) == sha256(planted.path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["label", "history_creatives", "venue_category"])
def test_a_missing_column_is_named(planted, write_log, name):
    table = pa.Table.from_pylist(planted.rows[:20], schema=SCHEMA).drop_columns([name])

    with pytest.raises(MissingColumns, match=name):
        read_dataset(write_log(table))


@pytest.mark.parametrize("name", ["viewer_age", "face_embedding", "emotion"])
def test_a_column_derived_from_a_face_is_refused_by_name(planted, write_log, name):
    table = pa.Table.from_pylist(planted.rows[:20], schema=SCHEMA).append_column(name, pa.array(range(20)))

    with pytest.raises(ForbiddenFeature, match=name):
        read_dataset(write_log(table))


def test_an_empty_log_is_refused(write_log):
    with pytest.raises(EmptyLog):
        read_dataset(write_log([]))


@pytest.mark.parametrize("name", ["propensity", "hour", "label"])
def test_nan_is_refused_with_its_column(planted, write_log, name):
    table = with_column(planted.rows[:3], name, [0.5, float("nan"), 1.0], pa.float64())

    with pytest.raises(MissingValues, match=f"{name} holds NaN"):
        read_dataset(write_log(table))


@pytest.mark.parametrize("name", ["creative", "label", "at"])
def test_a_null_is_refused_with_its_column(planted, write_log, name):
    rows = [dict(planted.rows[0], **{name: None}), *planted.rows[1:5]]

    with pytest.raises(MissingValues, match=f"{name} holds 1 nulls"):
        read_dataset(write_log(pa.Table.from_pylist(rows, schema=_nullable())))


def test_a_null_inside_a_history_is_refused(planted, write_log):
    rows = [dict(planted.rows[0], history_creatives=[None], history_categories=["shoes"]), *planted.rows[1:5]]

    with pytest.raises(MissingValues, match="history_creatives"):
        read_dataset(write_log(rows))


def _nullable():
    return pa.schema([field.with_nullable(True) for field in SCHEMA])


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("hour", ["nine", "ten"], pa.string()),
        ("hour", [9.0, 10.5], pa.float64()),
        ("creative", [1, 2], pa.int64()),
        ("at", [1, 2], pa.int64()),
        ("at", [1, 2], pa.timestamp("us")),
        ("history_creatives", ["a", "b"], pa.string()),
        ("history_categories", [[1], [2]], pa.list_(pa.int64())),
    ],
)
def test_a_column_of_another_type_is_refused(planted, write_log, name, values, kind):
    with pytest.raises(WrongColumnType, match=name):
        read_dataset(write_log(with_column(planted.rows[:2], name, values, kind)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": 2}, "labels must be 0 or 1"),
        ({"propensity": 0.0}, "propensities"),
        ({"propensity": 1.5}, "propensities"),
        ({"history_creatives": ["a", "b"], "history_categories": ["x"]}, "equally long"),
    ],
)
def test_impossible_values_are_refused(planted, write_log, changes, message):
    with pytest.raises(ValueOutOfRange, match=message):
        read_dataset(write_log([dict(planted.rows[0], **changes), *planted.rows[1:5]]))


def test_an_example_counted_twice_is_refused(planted, write_log):
    with pytest.raises(DuplicateExamples):
        read_dataset(write_log([planted.rows[0], *planted.rows[:5]]))


def test_a_corrupt_or_missing_file_is_refused(planted, tmp_path):
    whole = planted.path.read_bytes()
    for content in (b"", b"PAR1 and nothing more", whole[: len(whole) // 2], whole[:-8] + b"\0" * 8):
        path = tmp_path / "corrupt.parquet"
        path.write_bytes(content)

        with pytest.raises(UnreadableDataset, match="corrupt"):
            read_dataset(path)
    with pytest.raises(UnreadableDataset, match="absent"):
        read_dataset(tmp_path / "absent.parquet")


def test_a_page_that_was_overwritten_is_refused(planted, tmp_path):
    content = bytearray(planted.path.read_bytes())
    start = pq.ParquetFile(planted.path).metadata.row_group(0).column(1).data_page_offset
    content[start : start + 400] = b"\xff" * 400
    path = tmp_path / "overwritten.parquet"
    path.write_bytes(content)

    with pytest.raises(TrainingRefused):
        read_dataset(path)


def test_a_log_without_positives_is_refused(planted, write_log):
    examples = read_dataset(write_log([dict(row, label=0) for row in planted.rows[:100]]))

    with pytest.raises(OneClass, match="train"):
        split_by_time(examples)


def test_a_log_of_one_instant_cannot_be_split(planted, write_log):
    examples = read_dataset(write_log([dict(row, at=planted.rows[0]["at"]) for row in planted.rows[:100]]))

    with pytest.raises(OneClass, match=r"0 of 100 rows"):
        split_by_time(examples)


def test_a_late_part_without_positives_is_named(planted, write_log):
    rows = [
        dict(row, source="one", label=0 if place >= 85 else place % 2) for place, row in enumerate(planted.rows[:100])
    ]

    with pytest.raises(OneClass, match=r"the test part \(15 of 100 rows"):
        split_by_time(read_dataset(write_log(rows)))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1)), min_size=1, max_size=80))
def test_no_part_of_the_split_holds_a_row_as_early_as_the_part_before(rows):
    rows = sorted(rows)
    examples = examples_at([at for at, _ in rows], [label for _, label in rows])

    try:
        split = split_by_time(examples)
    except OneClass:
        return

    assert split.train.at.max() < split.validation.at.min()
    assert split.validation.at.max() < split.test.at.min()
    assert np.concatenate([part.feeds["row"][:, 0] for part in split]).tolist() == list(range(len(rows)))


def test_seventy_fifteen_fifteen(planted):
    split = split_by_time(read_dataset(planted.path))

    assert [len(part) for part in split] == [6300, 1350, 1350]
    assert split.test.at[0] - split.validation.at[-1] == timedelta(minutes=1) // timedelta(microseconds=1)


def test_each_source_is_split_on_its_own(planted, write_log):
    rows = [
        dict(row, source="old" if place % 4 else "new", at=row["at"] - timedelta(days=0 if place % 4 == 0 else 9000))
        for place, row in enumerate(planted.rows[:400])
    ]

    split = split_by_time(read_dataset(write_log(rows)))

    for part, expected in zip(split, ((210, 70), (45, 15), (45, 15)), strict=True):
        counts = {name: int((part.source.codes == code).sum()) for code, name in enumerate(part.source.vocabulary)}
        assert (counts["old"], counts["new"]) == (expected[0], expected[1])
        assert (np.diff(part.at) >= 0).all()


def test_a_log_without_the_tasks_labels_is_read_all_the_same(planted, write_log):
    table = pa.Table.from_pylist(planted.rows[:20], schema=SCHEMA).drop_columns(list(TASKS))

    assert len(read_dataset(write_log(table))) == 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"touch": 2}, "touch must be 0, 1 or null"),
        ({"dwell_seconds": -1.0}, "dwell_seconds must be finite"),
        ({"dwell_seconds": float("inf")}, "dwell_seconds must be finite"),
    ],
)
def test_a_task_that_is_none_is_refused(planted, write_log, changes, message):
    with pytest.raises(ValueOutOfRange, match=message):
        read_dataset(write_log([dict(planted.rows[0], **changes), *planted.rows[1:5]]))
