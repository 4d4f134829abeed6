"""A log too long to be held is checked, split and gone through as one that is held."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.features import ForbiddenFeature
from recsys.training.dataset import SCHEMA, read_dataset, read_split, split_by_time
from recsys.training.errors import (
    DuplicateExamples,
    EmptyLog,
    MissingColumns,
    MissingValues,
    OneClass,
    UnreadableDataset,
    ValueOutOfRange,
    VocabularyTooLarge,
    WrongColumnType,
)
from recsys.training.streaming import Streamed

HELD = 500


def alone(labels, others):
    del others
    return labels.reshape(-1, 1)


@pytest.fixture(scope="module")
def grouped(planted, tmp_path_factory):
    """The planted log in row groups of 700, the newest rows first."""
    path = tmp_path_factory.mktemp("grouped") / "log.parquet"
    table = pa.Table.from_pylist(planted.rows[:4_000][::-1], schema=SCHEMA)
    pq.write_table(table, path, row_group_size=700)
    return path


@pytest.fixture(scope="module")
def held(grouped):
    return split_by_time(read_dataset(grouped))


@pytest.fixture(scope="module")
def split(grouped):
    return read_split(grouped, held=HELD)


def rows_of(feeds, targets):
    """Count equal rows, so that two passes can be compared whatever their order."""
    names = sorted(feeds)
    table = np.concatenate([*(feeds[name] for name in names), targets.astype(np.int32)], axis=1)
    return Counter(map(bytes, table))


def passed(source, rows=256, seed=1):
    blocks = list(source.blocks(rows, np.random.default_rng(seed)))
    feeds = {name: np.concatenate([block[0][name] for block in blocks]) for name in blocks[0][0]}
    return feeds, np.concatenate([block[1] for block in blocks]), [len(block[1]) for block in blocks]


def test_a_short_log_is_held_whole(grouped, held):
    split = read_split(grouped)

    assert split.train.stream is None
    assert [len(part) for part in split] == [len(part) for part in held] == [part.total for part in split]


def test_parts_of_a_long_log_are_even_samples_of_the_parts_of_a_held_one(split, held):
    assert [part.total for part in split] == [len(held.train), len(split.validation), len(split.test)]
    for part, whole in zip(split, held, strict=True):
        assert len(part) == -(-len(whole) // 8)
        assert set(part.at.tolist()) <= set(whole.at.tolist())
        assert (np.diff(part.at) > 0).all()


def test_a_pass_meets_every_row_of_the_train_part_once(split, held):
    feeds, targets, sizes = passed(Streamed(split.train.stream, alone, buffer=300))

    assert rows_of(feeds, targets) == rows_of(held.train.feeds, held.train.labels[:, None])
    assert sizes == [256] * (len(held.train) // 256) + [len(held.train) % 256]
    assert split.train.stream.rate == pytest.approx(held.train.labels.mean())


def test_each_pass_has_an_order_of_its_own_that_a_seed_repeats(split):
    source = Streamed(split.train.stream, alone, buffer=300)

    first, again, other = (passed(source, seed=seed)[0]["viewer"] for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_rows_are_spread_wider_than_their_row_group(grouped, split, held):
    """With a buffer as long as the part, the first block holds rows of all times."""
    source = Streamed(split.train.stream, alone, buffer=10_000)
    hours = next(iter(source.blocks(200, np.random.default_rng(3))))[0]["hour"][:, 0]

    assert len(np.unique(hours)) == 24


@pytest.mark.parametrize("of", [2, 3])
def test_shares_are_equally_long_and_have_no_row_in_common(split, held, of):
    parts = [passed(Streamed(split.train.stream, alone, (number, of), buffer=300)) for number in range(of)]

    assert {len(targets) for _, targets, _ in parts} == {len(held.train) // of}
    together = sum((rows_of(feeds, targets) for feeds, targets, _ in parts), Counter())
    assert not together - rows_of(held.train.feeds, held.train.labels[:, None])


def test_only_the_latest_rows_are_streamed(grouped):
    whole = split_by_time(read_dataset(grouped, max_rows=2_000))

    split = read_split(grouped, max_rows=2_000, held=HELD)

    feeds, targets, _ = passed(Streamed(split.train.stream, alone))
    assert rows_of(feeds, targets) == rows_of(whole.train.feeds, whole.train.labels[:, None])


def refused(write_log, rows, error, match, schema=SCHEMA):
    with pytest.raises(error, match=match):
        read_split(write_log(rows, schema), held=10)


def test_a_long_log_is_refused_for_what_a_short_one_is(planted, write_log):
    rows = planted.rows[:60]
    refused(write_log, [], EmptyLog, "no examples")
    refused(write_log, [dict(row, label=0) for row in rows], OneClass, r"train part \(4\d of 60 rows")
    refused(write_log, [dict(rows[0], label=3), *rows[1:]], ValueOutOfRange, "labels must be 0 or 1")
    refused(write_log, [*rows, rows[30]], DuplicateExamples, "different in every row")
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    changed = table.set_column(4, "category", pa.array(range(60)))
    refused(write_log, changed, WrongColumnType, "category is int64, expected string")
    refused(write_log, table.drop_columns(["scene"]), MissingColumns, "scene")
    refused(write_log, table.append_column("face_age", pa.array(range(60))), ForbiddenFeature, "face_age")
    broken = table.set_column(14, "propensity", pa.array([0.5] * 59 + [float("nan")]))
    refused(write_log, broken, MissingValues, "propensity holds NaN")


def test_nan_far_behind_the_first_chunk_is_found(planted, tmp_path, monkeypatch):
    monkeypatch.setattr("recsys.training.reading.CHUNK", 64)
    table = pa.Table.from_pylist(planted.rows[:500], schema=SCHEMA)
    values = [0.5] * 499 + [float("nan")]
    pq.write_table(table.set_column(14, "propensity", pa.array(values)), tmp_path / "log.parquet", row_group_size=100)

    with pytest.raises(MissingValues, match="propensity"):
        read_split(tmp_path / "log.parquet", held=10)


def test_an_example_repeated_in_another_chunk_is_found(planted, tmp_path, monkeypatch):
    monkeypatch.setattr("recsys.training.reading.CHUNK", 64)
    rows = [*planted.rows[:300], planted.rows[0]]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), tmp_path / "log.parquet", row_group_size=100)

    with pytest.raises(DuplicateExamples):
        read_dataset(tmp_path / "log.parquet")


def test_unequal_words_of_equal_fingerprints_are_no_duplicates(planted, write_log, monkeypatch):
    monkeypatch.setattr("recsys.training.checking.fingerprints", lambda words: np.zeros(len(words), dtype=np.uint64))
    monkeypatch.setattr("recsys.training.survey.fingerprints", lambda words: np.zeros(len(words), dtype=np.uint64))

    assert len(read_dataset(write_log(planted.rows[:50]))) == 50


@pytest.mark.parametrize("held", [10, 10_000], ids=["streamed", "held"])
@pytest.mark.parametrize("name", ["category", "scene"])
def test_a_word_of_its_own_in_most_rows_is_no_name(planted, write_log, held, name):
    rows = [dict(row, **{name: f"word-{place}"}) for place, row in enumerate(planted.rows[:1_200])]

    with pytest.raises(VocabularyTooLarge, match=f"{name} holds 1200 different words in 1200 rows"):
        read_split(write_log(rows), held=held)


def test_more_words_than_a_table_can_tell_apart_are_refused(planted, write_log):
    from recsys.features import specify

    rows = [dict(row, advertiser=f"word-{place}") for place, row in enumerate(planted.rows[:90])]

    with pytest.raises(VocabularyTooLarge, match="advertiser holds more than 80 different words"):
        read_split(write_log(rows), spec=specify(advertisers=4), held=10)


def test_any_number_of_viewers_is_welcome(planted, write_log):
    rows = [dict(row, viewer=f"viewer-{place}") for place, row in enumerate(planted.rows[:1_200])]

    assert len(read_split(write_log(rows)).train) == 840


def test_a_damaged_row_group_is_refused_before_anything_is_learnt(grouped, tmp_path):
    content = bytearray(grouped.read_bytes())
    start = pq.ParquetFile(grouped).metadata.row_group(4).column(3).data_page_offset
    content[start : start + 60] = b"\xff" * 60
    path = tmp_path / "damaged.parquet"
    path.write_bytes(content)

    with pytest.raises(UnreadableDataset, match=r"damaged\.parquet"):
        read_split(path, held=HELD)


@pytest.mark.training
class TestLearning:
    def test_a_streamed_log_teaches_what_a_held_one_does(self, split, held):
        """With all rows in one step the order is of no account, so both learn the very same."""
        from recsys.features import DEFAULT_SPEC
        from recsys.training.configuration import NetworkConfig
        from recsys.training.feeding import Held
        from recsys.training.fit import score
        from recsys.training.networks import build
        from recsys.training.steps import Steps, log_loss
        from recsys.training.tensorflow import seed_everything

        def learnt(source):
            seed_everything(5)
            network = build(NetworkConfig.of("deepfm", forgetting=0.0, omission=0.0, dropout=0.0), DEFAULT_SPEC, 5)
            steps = Steps(network, log_loss, batch_size=4_096, learning_rate=1e-2)
            feed = steps.feed(source, np.random.default_rng(2))
            for _ in range(4):
                steps.go_through(feed)
            return score(network, held.test)

        streamed = learnt(Streamed(split.train.stream, alone, buffer=300))
        whole = learnt(Held(held.train.feeds, held.train.labels[:, None]))

        assert whole.std() > 5e-3
        np.testing.assert_allclose(streamed, whole, rtol=0, atol=1e-4)

    def test_a_file_damaged_while_it_is_learnt_from_ends_the_training_with_its_name(self, grouped, tmp_path):
        from recsys.features import DEFAULT_SPEC
        from recsys.training.fit import fit
        from recsys.training.networks import build

        path = tmp_path / "vanishing.parquet"
        path.write_bytes(grouped.read_bytes())
        split = read_split(path, held=HELD)
        path.write_bytes(path.read_bytes()[:2_000])

        with pytest.raises(UnreadableDataset, match=r"vanishing\.parquet"):
            fit(build("logistic", DEFAULT_SPEC, 1), split, stage="logistic", epochs=1, batch_size=64)
