"""How well a feature stands in for a cohort that somebody declared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.columns import WordLists, Words
from recsys.proxies import LEAST, ProxiesRefused, in_bins, singly, strength

RANDOM = np.random.default_rng(3)
ROWS = 2_000
COHORT = RANDOM.integers(0, 2, ROWS)


def cohort(codes=COHORT):
    return Words.of([f"cohort {code}" for code in codes])


def test_a_feature_that_is_the_cohort_tells_everything():
    found = strength("postcode", singly([f"p{code}" for code in COHORT]), cohort())

    assert found.auc == pytest.approx(1.0)
    assert found.information > 0.9
    assert found.warns()


def test_a_feature_that_has_nothing_to_do_with_it_tells_nothing():
    found = strength("hour", singly([str(one) for one in RANDOM.integers(0, 24, ROWS)]), cohort())

    assert found.auc == pytest.approx(0.5, abs=0.03)
    assert found.information < 0.01
    assert not found.warns()


def test_half_a_stand_in_has_the_area_that_follows_from_its_rates():
    right = RANDOM.random(ROWS) < 0.8
    found = strength("branch", singly([f"b{one}" for one in np.where(right, COHORT, 1 - COHORT)]), cohort())

    assert found.auc == pytest.approx(0.8, abs=0.02)
    assert found.information == pytest.approx(1 + 0.8 * np.log2(0.8) + 0.2 * np.log2(0.2), abs=0.03)


def test_a_name_of_each_row_of_its_own_is_no_stand_in():
    found = strength("row", singly([str(row) for row in range(ROWS)]), cohort())

    assert found.auc == pytest.approx(0.5, abs=0.01)


def test_a_persons_own_name_is_judged_on_people_it_has_not_seen():
    people = RANDOM.integers(0, 200, ROWS)
    by_person = cohort(RANDOM.integers(0, 2, 200)[people])
    names = singly([f"person {one}" for one in people])

    assert strength("viewer", names, by_person).auc > 0.95
    assert strength("viewer", names, by_person, people).auc == pytest.approx(0.5, abs=0.02)


def test_a_history_is_read_as_all_that_is_in_it():
    lists = [[f"c{code}" if RANDOM.random() < 0.7 else "c-any" for _ in range(3)] for code in COHORT]
    found = strength("history", WordLists.of(lists), cohort())

    assert found.auc > 0.95


def test_of_several_cohorts_the_one_told_best_is_named():
    codes = RANDOM.integers(0, 3, ROWS)
    found = strength("area", singly(["north" if code == 2 else "south" for code in codes]), cohort(codes))

    assert found.cohort == "cohort 2"
    assert found.auc == pytest.approx(1.0)


def test_numbers_are_read_by_quantiles_and_what_is_none_is_absent():
    lists = in_bins(np.array([*range(100), np.nan, np.inf], dtype=np.float64))

    assert len(set(lists.words.codes.tolist())) == 20
    assert np.diff(lists.offsets)[-2:].tolist() == [0, 0]
    assert strength("income", in_bins(COHORT + RANDOM.normal(0, 0.1, ROWS)), cohort()).auc > 0.99


def test_a_column_without_numbers_is_absent_everywhere():
    assert in_bins(np.full(5, np.nan)).words.vocabulary == ()
    assert strength("empty", in_bins(np.full(ROWS, np.nan)), cohort()).auc == 0.5


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        (np.zeros(ROWS, int), "two cohorts"),
        (np.array([0, 1] * 20), f"at least {LEAST}"),
        (np.array([0] * 300 + [1] * 2), "5 rows each"),
    ],
)
def test_too_little_to_tell_anything_is_refused(codes, reason):
    with pytest.raises(ProxiesRefused, match=reason):
        strength("x", singly(["a"] * len(codes)), cohort(codes))


def test_rows_without_a_cohort_are_refused():
    with pytest.raises(ProxiesRefused, match="no cohort"):
        strength("x", singly(["a"] * 200), Words.of([None] + ["a", "b"] * 99 + ["a"]))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16), values=st.integers(1, 30), classes=st.integers(2, 4))
def test_figures_stay_within_their_ranges(seed, values, classes):
    random = np.random.default_rng(seed)
    words = [None if one == 0 else str(one) for one in random.integers(0, values, 200)]
    codes = np.concatenate([np.repeat(np.arange(classes), 5), random.integers(0, classes, 200 - 5 * classes)])

    found = strength("x", singly(words), cohort(codes))

    assert 0 <= found.auc <= 1
    assert 0 <= found.information <= 1
