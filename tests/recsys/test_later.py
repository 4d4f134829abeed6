"""What is measured on is the test part that training held back, whatever the log's length."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.training.dataset import SCHEMA, read_dataset, split_by_time
from recsys.training.errors import EmptyLog, OneClass
from recsys.training.later import read_later

ROWS = 1_200


@pytest.fixture(scope="module")
def log(planted, tmp_path_factory):
    """The planted log in small row groups, the newest rows first."""
    path = tmp_path_factory.mktemp("later") / "log.parquet"
    pq.write_table(pa.Table.from_pylist(planted.rows[:ROWS][::-1], schema=SCHEMA), path, row_group_size=170)
    return path


@pytest.fixture(scope="module")
def split(log):
    return split_by_time(read_dataset(log))


def test_the_test_part_is_the_one_of_a_log_that_is_held(log, split):
    found = read_later(log).test

    assert len(found) == len(split.test)
    np.testing.assert_array_equal(found.at, split.test.at)
    np.testing.assert_array_equal(found.labels, split.test.labels)
    for name, ids in split.test.feeds.items():
        np.testing.assert_array_equal(found.feeds[name], ids)
    assert [found.viewer.vocabulary[code] for code in found.viewer.codes if code >= 0] == [
        split.test.viewer.vocabulary[code] for code in split.test.viewer.codes if code >= 0
    ]


def test_of_a_long_test_part_an_even_sample_is_held(log, split):
    found = read_later(log, most=50).test

    assert len(found) == 45
    assert set(found.at.tolist()) <= set(split.test.at.tolist())


def test_earlier_rows_leave_their_counts_and_the_creatives_that_were_in_them(log, split):
    found = read_later(log, ["scene", "viewer"])

    earlier = [(part, code) for part in split[:2] for code in range(len(part.source.vocabulary))]
    counts = {}
    for part, code in earlier:
        rows, positives = counts.get(part.source.vocabulary[code], (0, 0))
        mine = part.source.codes == code
        counts[part.source.vocabulary[code]] = (rows + int(mine.sum()), positives + int(part.labels[mine].sum()))
    assert found.earlier == counts
    assert found.creatives == {part.creative.vocabulary[code] for part in split[:2] for code in part.creative.codes}
    assert found.words["scene"] == {"checkout"}
    assert {"None", "viewer-3"} < found.words["viewer"]


def test_a_part_of_one_class_is_refused_as_training_refuses_it(planted, tmp_path):
    path = tmp_path / "log.parquet"
    rows = [row | {"label": 0} if number >= 1_000 else row for number, row in enumerate(planted.rows[:ROWS])]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)

    with pytest.raises(OneClass, match="the test part"):
        read_later(path)


def test_an_empty_log_is_refused(tmp_path):
    path = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pylist([], schema=SCHEMA), path)

    with pytest.raises(EmptyLog):
        read_later(path)
