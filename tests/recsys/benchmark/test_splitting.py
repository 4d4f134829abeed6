from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recsys.benchmark import errors
from recsys.benchmark.log import Log
from recsys.benchmark.profiles import frozen, rolling
from recsys.benchmark.splitting import Parts, split


def log_of(rows: list[tuple[int, int, int]], **options: bool) -> Log:
    """A log of (user, instant, label), each row with an item of its own."""
    rows = sorted(rows, key=lambda row: row[1])
    user, at, label = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Log("log", user, np.arange(len(rows)), label.astype(np.float32), at, (), **options)


ROWS = st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 30), st.integers(0, 1)), min_size=20, max_size=80)


@given(ROWS)
def test_globally_nothing_learnt_is_later_than_what_is_judged(rows: list[tuple[int, int, int]]):
    log, parts = _split(rows, "global")

    assert log.at[parts.train].max() < log.at[parts.validation].min()
    assert log.at[parts.validation].max() < log.at[parts.test].min()
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(log)))


@given(ROWS)
def test_within_a_user_nothing_learnt_is_later_than_what_is_judged(rows: list[tuple[int, int, int]]):
    log, parts = _split(rows, "user")

    assert sorted(np.concatenate(parts).tolist()) == list(range(len(log)))
    for user in np.unique(log.user):
        train, validation, test = (log.at[part[log.user[part] == user]] for part in parts)
        for earlier, later in ((train, validation), (validation, test), (train, test)):
            assert not len(earlier) or not len(later) or earlier.max() < later.min()


@given(ROWS)
def test_profiles_hold_what_was_liked_strictly_before(rows: list[tuple[int, int, int]]):
    log = log_of(rows)
    profiles = rolling(log)

    for row in range(len(log)):
        before = (log.user == log.user[row]) & (log.labels == 1) & (log.at < log.at[row]) & (log.user >= 0)
        assert profiles.items[profiles.start[row] : profiles.stop[row]].tolist() == log.item[before].tolist()


@given(ROWS)
def test_frozen_profiles_end_with_the_train_part(rows: list[tuple[int, int, int]]):
    log, parts = _split(rows, "global")
    profiles = frozen(log, parts)

    for row in range(len(log)):
        liked = profiles.items[profiles.start[row] : profiles.stop[row]]
        assert set(liked.tolist()) <= set(log.item[parts.train].tolist())
        assert (log.at[liked] < log.at[row]).all()


def _split(rows: list[tuple[int, int, int]], how: str) -> tuple[Log, Parts]:
    log = log_of(rows)
    try:
        return log, split(log, how)
    except errors.BenchmarkRefused:
        assume(False)
        raise


def test_shares_are_eight_one_one():
    parts = split(log_of([(0, row, row % 2) for row in range(100)]), "global")

    assert [len(part) for part in parts] == [80, 10, 10]


def test_rows_of_one_instant_stay_together_in_the_later_part():
    parts = split(log_of([(0, min(row, 75) if row < 85 else row, row % 2) for row in range(100)]), "global")

    assert [len(part) for part in parts] == [75, 15, 10]


def test_one_instant_cannot_be_split():
    with pytest.raises(errors.DataEmpty, match="--timestamp -"):
        split(log_of([(0, 7, row % 2) for row in range(100)]), "global")


def test_a_part_of_one_class_is_refused():
    with pytest.raises(errors.OneClass, match="labels of the test part are 1"):
        split(log_of([(0, row, row % 2 if row < 90 else 1) for row in range(100)]), "global")


def test_of_sequences_the_last_step_is_the_test():
    rows = [(user, step, label) for user in (0, 1) for step in range(4) for label in (0, 1)]
    log = log_of([*rows, (2, 0, 0), (2, 0, 1), (2, 1, 0), (2, 1, 1)], sequences=True)

    parts = split(log, "user")

    assert {(int(log.user[row]), int(log.at[row])) for row in parts.test} == {(0, 3), (1, 3)}
    assert {(int(log.user[row]), int(log.at[row])) for row in parts.validation} == {(0, 2), (1, 2)}
    assert {int(log.at[row]) for row in parts.train if log.user[row] == 2} == {0, 1}
    with pytest.raises(errors.OptionsUnusable, match="--split user"):
        split(replace(log, sequences=True), "global")
