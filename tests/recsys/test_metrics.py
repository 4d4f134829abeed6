"""Metrics agree with scikit-learn and with figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import ndcg_score, roc_auc_score

from recsys.training.metrics import auc, expected_calibration_error, grouped_auc, log_loss, measure, ndcg

pairs = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 99)), min_size=2, max_size=60)


@given(pairs)
def test_auc_equals_scikit_learn_with_ties(rows):
    labels, scores = np.array([label for label, _ in rows]), np.array([score / 100 for _, score in rows])
    assume(0 < labels.sum() < len(labels))

    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))


@given(pairs)
def test_log_loss_equals_scikit_learn(rows):
    labels, scores = np.array([label for label, _ in rows]), np.array([score / 100 for _, score in rows])

    assert log_loss(labels, scores) == pytest.approx(sklearn_log_loss(labels, scores, labels=[0, 1]))


@given(pairs.filter(lambda rows: len({score for _, score in rows}) == len(rows) and any(label for label, _ in rows)))
def test_ndcg_of_one_group_equals_scikit_learn(rows):
    labels, scores = np.array([label for label, _ in rows]), np.array([score / 100 for _, score in rows])

    assert ndcg(labels, scores, np.zeros(len(rows))) == pytest.approx(ndcg_score([labels], [scores], k=10))


def test_auc_of_one_class_is_not_defined():
    assert auc([1, 1], [0.2, 0.9]) is None
    assert auc([0, 0], [0.2, 0.9]) is None


def test_grouped_auc_weighs_groups_by_rows_and_leaves_anonymous_rows_out():
    labels = [0, 1, 1, 0, 0, 1, 0]
    scores = [0.1, 0.9, 0.2, 0.8, 0.7, 0.0, 1.0]
    groups = [0, 0, 1, 1, 1, -1, -1]

    assert grouped_auc(labels, scores, groups) == pytest.approx((2 * 1.0 + 3 * 0.0) / 5)
    assert grouped_auc([0, 1], [0.1, 0.9], [0, 1]) is None


def test_log_loss_stays_finite_for_certain_and_wrong():
    assert log_loss([1], [0.0]) == pytest.approx(-math.log(1e-7))


def test_calibration_error_is_the_weighted_gap_per_bin():
    labels, scores = [1, 0, 1, 1], [0.51, 0.52, 0.95, 0.96]

    found = expected_calibration_error(labels, scores)

    assert found == pytest.approx((abs(1 - 1.03) + abs(2 - 1.91)) / 4)
    assert expected_calibration_error([1, 0], [1.0, 0.0]) == 0


def test_ndcg_by_hand():
    assert ndcg([0, 1], [0.9, 0.1], [4, 4]) == pytest.approx(1 / math.log2(3))
    assert ndcg([0, 0], [0.9, 0.1], [4, 4]) is None


def test_all_figures_come_together():
    found = measure([0, 1], [0.1, 0.9], [3, 3])

    assert (found.rows, found.positives, found.auc, found.gauc, found.ndcg) == (2, 1, 1.0, 1.0, 1.0)
