from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from recsys.benchmark.log import Log
from recsys.benchmark.prepared import ABSENT, FIRST, RARE, Prepared, Rows
from recsys.benchmark.preparing import prepare
from recsys.benchmark.splitting import Parts, split


def test_nothing_learnt_depends_on_later_labels(planted_log: Log):
    parts = split(planted_log, "global")
    labels = planted_log.labels.copy()
    labels[parts.test] = 1 - labels[parts.test]

    before = prepare(planted_log, parts, histories=False)
    after = prepare(replace(planted_log, labels=labels), parts, histories=False)

    for field in ("ids", "numbers", "rates", "start", "stop"):
        for part in ("train", "validation", "test"):
            assert_array_equal(getattr(getattr(before, part), field), getattr(getattr(after, part), field))
    assert_array_equal(before.profile, after.profile)


def test_rolling_histories_of_the_train_part_know_nothing_later(planted_log: Log):
    parts = split(planted_log, "global")
    labels = planted_log.labels.copy()
    labels[parts.test] = 1 - labels[parts.test]

    before = prepare(planted_log, parts, histories=True)
    after = prepare(replace(planted_log, labels=labels), parts, histories=True)

    for part in ("train", "validation"):
        one, two = getattr(before, part), getattr(after, part)
        assert_array_equal(before.newest(one), after.newest(two))


def test_a_rows_own_label_is_not_among_its_rates(planted_log: Log):
    parts = split(planted_log, "global")
    data = prepare(planted_log, parts, histories=True)
    base = planted_log.labels[parts.train].mean()

    row = 500
    before = np.flatnonzero((planted_log.item == planted_log.item[row]) & (np.arange(len(planted_log)) < row))
    likes = planted_log.labels[before].sum()

    rate, count = data.train.rates[row, :2]
    assert np.isclose(rate, (likes + 20 * base) / (len(before) + 20))
    assert np.isclose(count, np.log1p(len(before)))


def test_rows_of_one_instant_do_not_tell_on_each_other():
    at = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    labels = np.array([1, 0, 0, 1, 1, 0, 1, 0, 1, 0], dtype=np.float32)
    log = Log("x", np.zeros(10, dtype=np.int64), np.arange(10), labels, at, (), calendar=False)

    data = prepare(log, Parts(np.arange(6), np.arange(6, 8), np.arange(8, 10)), histories=True)

    assert np.round(np.expm1(data.train.rates[:, 3])).tolist() == [0, 0, 2, 2, 4, 4]
    for row in (0, 2, 4):
        assert data.train.rates[row, 2] == data.train.rates[row + 1, 2]


def test_unseen_items_are_rare_and_unseen_users_are_anonymous():
    user = np.array([0, 0, 1, 1, 0, 1, 0, 1, 2, 0])
    item = np.array([0, 0, 1, 2, 0, 1, 0, 1, 3, 2])
    log = Log("x", user, item, (np.arange(10) % 2).astype(np.float32), np.arange(10), (), calendar=False)

    data = prepare(log, Parts(np.arange(6), np.arange(6, 8), np.arange(8, 10)), histories=True)

    assert data.test.ids[:, 0].tolist() == [ABSENT, FIRST]
    assert data.test.ids[:, 1].tolist() == [RARE, FIRST + 2]
    assert data.sizes == (FIRST + 2, FIRST + 3)


def test_prepared_data_survives_a_file(planted_log: Log, tmp_path: Path):
    data = prepare(planted_log, split(planted_log, "user"), histories=True)
    data.write(tmp_path / "data.npz")

    read = Prepared.read(tmp_path / "data.npz")

    assert read.features == ("user", "item", "kind", "timestamp.hour", "timestamp.weekday", "noise")
    assert (read.sizes, read.roles, read.histories, read.listed) == (data.sizes, data.roles, True, 40)
    assert_array_equal(read.catalogue.ids, data.catalogue.ids)
    assert_array_equal(read.newest(read.test), data.newest(data.test))


def test_the_catalogue_pairs_users_with_items_and_their_own_columns(planted_log: Log):
    data = prepare(planted_log, split(planted_log, "global"), histories=True)

    rows: Rows = data.catalogue
    assert len(rows) == 40 * len(np.unique(rows.user))
    assert_array_equal(rows.ids[:, 1:3], data.item_ids[rows.item, 1:3])
    assert (rows.user.reshape(-1, 40) == rows.user.reshape(-1, 40)[:, :1]).all()


def test_nobody_known_leaves_the_item_and_takes_everything_about_the_user(planted_log: Log):
    data = prepare(planted_log, split(planted_log, "global"), histories=True)

    anonymous = data.anonymous(data.test)

    users = [place for place, role in enumerate(data.roles) if role == "user"]
    others = [place for place, role in enumerate(data.roles) if role != "user"]
    assert users[0] == 0
    assert (anonymous.ids[:, users] == ABSENT).all()
    assert_array_equal(anonymous.ids[:, others], data.test.ids[:, others])
    assert_array_equal(anonymous.item, data.test.item)
    assert_array_equal(anonymous.labels, data.test.labels)
    assert (anonymous.user == -1).all()
    assert len(np.unique(anonymous.rates[:, 2:], axis=0)) == 1
    assert (data.newest(anonymous) == -1).all()
    assert (data.newest(data.test) >= 0).any()


def test_new_items_are_those_that_the_train_part_never_showed(planted_log: Log):
    data = prepare(planted_log, split(planted_log, "global"), histories=True)

    some = data.test.take(np.array([0, 1]))
    moved = replace(some, item=np.array([some.item[0], data.items + 5]))

    assert data.new_items(moved).tolist() == [False, True]
