"""What showing a creative is worth, and who goes first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from decisions.auction import Bids, Stakes, fill, values
from recsys.exploration.luce import Exploration

EXPLORATION = Exploration()


def bids(scores, prices, priorities):
    return Bids(np.array(scores, float), Stakes(np.array(prices, np.int64), np.array(priorities, np.int64)))


def test_a_campaign_is_worth_its_price_times_the_chance_of_engagement():
    worth = values(bids([0.5, 0.1], [20_000, 40_000], [5, 5]))

    np.testing.assert_allclose(worth, [10_000, 4_000])


def test_content_is_worth_what_a_typical_campaign_here_pays():
    worth = values(bids([0.5, 0.5, 0.5, 0.5], [10_000, 20_000, 90_000, 0], [5, 5, 5, 5]))

    assert worth[3] == 10_000


def test_content_among_content_is_worth_its_chance_of_engagement():
    np.testing.assert_allclose(values(bids([0.5, 0.1], [0, 0], [5, 5])), [0.5, 0.1])


def test_a_lower_tier_only_gets_what_the_higher_one_leaves():
    slate = fill(bids([0.01, 0.9, 0.9], [1, 10**9, 10**9], [9, 5, 5]), 2, EXPLORATION, np.random.default_rng(1))

    assert slate[0].index == 0
    assert slate[0].propensity == 1.0
    assert slate[1].index in {1, 2}


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 10**9), st.integers(1, 10)), min_size=1, max_size=30),
    st.integers(1, 10),
    st.integers(0, 2**32),
)
def test_a_slate_is_full_without_doubles_and_descends_in_priority(rows, places, seed):
    candidates = bids(*zip(*rows, strict=True))

    slate = fill(candidates, places, EXPLORATION, np.random.default_rng(seed))

    assert len(slate) == min(places, len(rows))
    assert len({one.index for one in slate}) == len(slate)
    tiers = [int(candidates.stakes.priorities[one.index]) for one in slate]
    assert tiers == sorted(tiers, reverse=True)
    highest = sorted((row[2] for row in rows), reverse=True)[: len(slate)]
    assert tiers == highest
