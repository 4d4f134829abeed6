import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recsys.benchmark import errors, known
from recsys.benchmark.log import Choices
from recsys.benchmark.sequences import read_sequences

Write = Callable[..., Path]


@pytest.fixture
def sequences(written: Write) -> Path:
    return written("a 1 2 3 4", "b 2 5 6", "c 7 8 9 1 2", name="sequences.txt")


def test_each_item_is_a_label_of_one_among_drawn_zeros(sequences: Path):
    log = read_sequences(sequences, negatives=3)

    assert log.sequences
    assert int(log.labels.sum()) == 12
    assert len(log) == 12 * 4
    for user, step in {(int(u), int(s)) for u, s in zip(log.user, log.at, strict=True)}:
        rows = (log.user == user) & (log.at == step)
        assert sorted(log.labels[rows].tolist()) == [0, 0, 0, 1]
        assert len(set(log.item[rows].tolist())) == 4


def test_nothing_is_drawn_that_the_user_had_before(sequences: Path):
    log = read_sequences(sequences, negatives=4)

    for row in np.flatnonzero(log.labels == 0):
        had = (log.user == log.user[row]) & (log.labels == 1) & (log.at <= log.at[row])
        assert log.item[row] not in log.item[had]


def test_what_the_user_takes_later_may_be_drawn(written: Write):
    log = read_sequences(written("a 1 2 3", name="one.txt"), negatives=2)

    first = (log.at == 0) & (log.labels == 0)
    assert set(log.item[first].tolist()) == {1, 2}


def test_the_sampling_is_stated_and_repeatable(sequences: Path):
    one, two = read_sequences(sequences), read_sequences(sequences)

    assert "4 items per item" in one.notes[0]
    assert one.item.tolist() == two.item.tolist()


def test_what_was_chosen_does_not_always_come_first(written: Write):
    lines = [f"u{user} {' '.join(str(random) for random in range(user, user + 9))}" for user in range(30)]
    log = read_sequences(written(*lines, name="many.txt"), negatives=1)

    steps = log.user * 100 + log.at
    first = np.unique(steps, return_index=True)[1]
    assert 0.35 < log.labels[first].mean() < 0.65


def test_the_first_attribute_of_an_item_is_a_column(sequences: Path, tmp_path: Path):
    attributes = tmp_path / "attributes.json"
    attributes.write_text(json.dumps({"1": [7, 8], "2": [9], "3": []}))

    (column,) = read_sequences(sequences, attributes=attributes).columns

    assert column.role == "item"
    assert len(np.unique(column.codes[column.codes >= 0])) == 2
    assert (column.codes == -1).any()


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [((), errors.DataEmpty), (("a 1", "b"), errors.DataUnreadable), (("a 1", "a 2"), errors.DataUnreadable)],
)
def test_unusable_sequences_are_refused(written: Write, lines: tuple[str, ...], refusal: type[Exception]):
    with pytest.raises(refusal):
        read_sequences(written(*lines, name="bad.txt"))


def test_a_file_of_sequences_is_known_by_its_ending(sequences: Path, tmp_path: Path):
    log = known.read(str(sequences), choices=Choices(), carriers=tmp_path, negatives=1, max_users=2)

    assert len(np.unique(log.user)) == 2
    assert int(log.labels.sum()) == 7


def test_unknown_data_is_refused_with_the_known_names(tmp_path: Path):
    with pytest.raises(errors.DataUnknown, match="movielens-100k"):
        known.read("nothing-like-it", choices=Choices(), carriers=tmp_path)
    with pytest.raises(errors.DataUnknown, match="--data-dir"):
        known.read("beauty", choices=Choices(), carriers=tmp_path)
    with pytest.raises(errors.DataUnreadable, match="make carriers"):
        known.read("movielens-100k", choices=Choices(), carriers=tmp_path)
    with pytest.raises(errors.DataUnreadable, match="--data-dir"):
        known.read("avazu-tiny", choices=Choices(), carriers=tmp_path, folder=tmp_path)


def test_known_files_are_found_below_a_folder(written: Write, tmp_path: Path):
    folder = tmp_path / "logs" / "sequences"
    folder.mkdir(parents=True)
    (folder / "Beauty.txt").write_text("a 1 2 3\nb 2 3 4\n")
    (folder / "Beauty_item2attributes.json").write_text('{"1": [1], "2": [2]}')

    log = known.read("beauty", choices=Choices(), carriers=tmp_path, folder=tmp_path, negatives=1)

    assert log.name == "Beauty"
    assert [column.name for column in log.columns] == ["attribute"]
