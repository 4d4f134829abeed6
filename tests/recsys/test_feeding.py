"""Rows reach the steps once a pass, each pass in another order, whatever became of the pass before."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.training.errors import UnreadableDataset

pytestmark = [pytest.mark.training]

ROWS = 50


def feeds():
    places = np.arange(ROWS, dtype=np.int32)
    return {
        "viewer": places[:, None],
        "history": np.stack([places, -places], axis=1),
        "hour": places[:, None] + 100,
        "picture": places[:, None, None].astype(np.float32),
    }


def feed_of(source, rows=20):
    from recsys.training.feeding import Feed

    return Feed(source, rows, np.random.default_rng(1))


def held():
    from recsys.training.feeding import Held

    return Held(feeds(), np.arange(ROWS, dtype=np.float32)[:, None])


def passed(feed):
    """The blocks of one pass, taken apart: features by name, and targets."""
    return [
        ({name: values.numpy() for name, values in feed.packing.unpack(packed).items()}, targets.numpy())
        for packed, targets in feed
    ]


def test_a_pass_brings_every_row_once_with_all_that_belongs_to_it():
    blocks = passed(feed_of(held()))

    assert [len(targets) for _, targets in blocks] == [20, 20, 10]
    order = np.concatenate([targets for _, targets in blocks])[:, 0].astype(int)
    assert sorted(order) == list(range(ROWS))
    for name, values in feeds().items():
        np.testing.assert_array_equal(np.concatenate([block[name] for block, _ in blocks]), values[order])


def test_every_pass_has_an_order_of_its_own_which_the_seed_decides():
    def orders():
        feed = feed_of(held())
        return [tuple(np.concatenate([targets for _, targets in passed(feed)])[:, 0]) for _ in range(3)]

    first, again = orders(), orders()

    assert first == again
    assert len(set(first)) == 3
    assert all(sorted(order) == list(range(ROWS)) for order in first)


def test_features_of_one_id_are_packed_and_others_are_not():
    from recsys.training.feeding import Packing

    packing = Packing.of({"viewer": ((1,), "int32"), "hour": ((1,), "int32"), "history": ((2,), "int32")})
    alone = Packing.of({"viewer": ((1,), "int32"), "history": ((2,), "int32")})

    packed = packing.pack({name: feeds()[name] for name in ("viewer", "hour", "history")})

    assert packed[""].shape == (ROWS, 2)
    assert sorted(packed) == ["", "history"]
    assert packing.pack(packed) is packed
    assert alone.names == ()
    assert sorted(alone.unpack(alone.pack({name: feeds()[name] for name in ("viewer", "history")}))) == [
        "history",
        "viewer",
    ]


def test_a_pass_that_was_left_is_not_gone_on_with():
    feed = feed_of(held())

    next(iter(feed))
    sizes = [len(targets) for _, targets in passed(feed)]

    assert sizes == [20, 20, 10]


class Broken:
    """A source that fails in its second pass."""

    def __init__(self):
        self.whole, self.passes = held(), 0
        self.kinds, self.columns = self.whole.kinds, self.whole.columns

    def __len__(self):
        return ROWS

    def blocks(self, rows, random):
        self.passes += 1
        if self.passes == 2:
            raise UnreadableDataset("the log is gone")
        yield from self.whole.blocks(rows, random)


def test_what_a_source_refuses_is_raised_as_such_in_the_pass_that_it_concerns():
    feed = feed_of(Broken())

    assert len(passed(feed)) == 3
    with pytest.raises(UnreadableDataset, match="the log is gone"):
        passed(feed)
    assert len(passed(feed)) == 3
