from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceid.assignment import assign

WORTH = st.tuples(st.integers(0, 5), st.integers(0, 5)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(-4, 9).map(float))
)


@given(WORTH)
def test_no_other_pairing_is_worth_more(worth: np.ndarray):
    rows, columns = worth.shape
    pairs = assign(worth)

    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(worth[pair] > 0 for pair in pairs)
    wide = np.zeros((rows, columns + rows))
    wide[:, :columns] = np.clip(worth, 0, None)
    best = max(
        sum(wide[row, column] for row, column in enumerate(order))
        for order in permutations(range(columns + rows), rows)
    )
    assert sum(worth[pair] for pair in pairs) == best


def test_the_total_counts_and_not_the_best_single_pair():
    assert assign(np.array([[9.0, 8.0], [8.0, 1.0]])) == [(0, 1), (1, 0)]


def test_nothing_is_paired_with_nothing():
    assert assign(np.zeros((0, 3))) == []
    assert assign(np.zeros((3, 0))) == []
    assert assign(np.zeros((2, 2))) == []
