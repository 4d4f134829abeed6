import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceid.evaluate.verification import (
    Comparisons,
    best_threshold,
    curve,
    equal_error_rate,
    fold_accuracy,
    passing,
    threshold_at,
    true_accept_rate,
)

SCORES = arrays(np.float64, st.integers(1, 60), elements=st.floats(-1, 1, width=32))


def comparisons(genuine: list[float], impostor: list[float], folds: int = 1) -> Comparisons:
    scores = np.array([*genuine, *impostor])
    same = np.arange(len(scores)) < len(genuine)
    people = np.arange(len(scores))
    return Comparisons(scores, same, people, np.where(same, people, (people + 1) % len(scores)), people % folds)


def test_the_curve_counts_errors_at_every_score():
    whole = curve(np.array([0.5, 0.7]), np.array([0.1, 0.5]))

    assert whole.thresholds[:3].tolist() == [0.1, 0.5, 0.7]
    assert whole.fmr.tolist() == [1.0, 0.5, 0.0, 0.0]
    assert whole.fnmr.tolist() == [0.0, 0.0, 0.5, 1.0]


@given(SCORES, SCORES)
def test_error_rates_are_monotone_in_the_threshold(genuine: np.ndarray, impostor: np.ndarray):
    whole = curve(genuine, impostor)

    assert (np.diff(whole.fmr) <= 0).all()
    assert (np.diff(whole.fnmr) >= 0).all()
    assert whole.fmr[-1] == 0.0
    assert whole.fnmr[-1] == 1.0


def test_a_picture_without_embedding_never_matches():
    genuine, impostor = np.array([0.9, -np.inf]), np.array([0.1, -np.inf])

    assert curve(genuine, impostor).fnmr.min() == 0.5
    assert passing(genuine, np.array([-1.0])).tolist() == [0.5]


@given(SCORES, st.floats(0, 1))
def test_the_threshold_of_a_rate_keeps_it_and_no_lower_one_does(impostor: np.ndarray, rate: float):
    threshold = threshold_at(impostor, rate)

    assert (impostor >= threshold).mean() <= rate + 1e-9
    below = impostor[impostor < threshold]
    if len(below):
        assert (impostor >= below.max()).mean() > rate


def test_no_scores_give_no_threshold():
    with pytest.raises(ValueError, match="0 scores"):
        threshold_at(np.empty(0), 0.1)


def test_true_accepts_are_counted_above_the_impostors_that_are_let_through():
    impostor = [0.01 * number for number in range(100)]  # at rate .1 ten may pass: 0.90 to 0.99

    point = true_accept_rate(comparisons([0.5, 0.895, 0.91, 0.95], impostor), 0.1)

    assert point.threshold == pytest.approx(0.89, abs=1e-9)
    assert point.tar.value == 0.75
    assert point.resolved


def test_a_rate_beyond_the_data_is_marked():
    assert not true_accept_rate(comparisons([0.5], [0.1] * 50), 0.001).resolved


def test_the_interval_of_true_accepts_covers_the_truth():
    random, truth, held = np.random.default_rng(5), 0.6915, 0  # P(genuine > the impostors' 99 % point)
    for _ in range(40):
        genuine, impostor = random.normal(2.8263, 1.0, 150), random.normal(0.0, 1.0, 2000)
        held += truth in true_accept_rate(comparisons(list(genuine), list(impostor)), 0.01, rounds=100).tar

    assert held >= 34


def test_the_equal_error_rate_of_two_bells_is_known():
    random = np.random.default_rng(2)
    genuine, impostor = random.normal(1.0, 1.0, 4000), random.normal(-1.0, 1.0, 4000)

    estimate = equal_error_rate(comparisons(list(genuine), list(impostor)), rounds=50)

    assert estimate.value == pytest.approx(0.1587, abs=0.01)
    assert 0.1587 in estimate


def test_separate_scores_have_no_equal_error_but_room_for_one():
    estimate = equal_error_rate(comparisons([0.8, 0.9] * 10, [0.1, 0.2] * 10), rounds=10)

    assert (estimate.value, estimate.low) == (0.0, 0.0)
    assert estimate.high == pytest.approx(0.1611, abs=5e-5)  # none of twenty people


def test_nobody_missed_is_not_nobody_ever_missed():
    tar = true_accept_rate(comparisons([0.9] * 20, [0.1] * 20), 0.1, rounds=10).tar

    assert (tar.value, tar.high) == (1.0, 1.0)
    assert tar.low == pytest.approx(1 - 0.1611, abs=5e-5)


def test_equal_errors_need_both_kinds():
    with pytest.raises(ValueError, match="genuine and impostor"):
        equal_error_rate(comparisons([0.8], []))


@given(SCORES, st.integers(0, 2**32 - 1))
def test_no_threshold_is_more_accurate_than_the_best(scores: np.ndarray, seed: int):
    same = np.random.default_rng(seed).random(len(scores)) < 0.5

    best = np.mean((scores >= best_threshold(scores, same)) == same)

    others = np.append(scores, 2.0)
    assert best >= max(np.mean((scores >= other) == same) for other in others) - 1e-12


def test_each_fold_is_judged_at_the_threshold_of_the_others():
    # Fold 0 alone would choose .4 and be perfect; fold 1 says .6, at which fold 0 loses its genuine pair at .5.
    scores, same = np.array([0.5, 0.3, 0.7, 0.55]), np.array([True, False, True, False])
    people, folds = np.arange(4), np.array([0, 0, 1, 1])

    accuracy = fold_accuracy(Comparisons(scores, same, people, people, folds))

    assert accuracy.accuracies == (0.5, 0.5)
    assert accuracy.thresholds == pytest.approx((0.625, 0.4))
    assert accuracy.standard_error == 0.0


def test_one_fold_has_no_standard_error():
    accuracy = fold_accuracy(comparisons([0.9], [0.1]))

    assert accuracy.mean == 1.0
    assert np.isnan(accuracy.standard_error)
