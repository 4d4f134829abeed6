import numpy as np
import pytest

from recsys.benchmark.intervals import auc_difference, over_seeds
from recsys.benchmark.outcome import Outcome, Trial
from recsys.benchmark.prepared import Rows
from recsys.benchmark.trial import chance_ece
from recsys.benchmark.verdict import compare, sentence
from recsys.training.metrics import expected_calibration_error


def outcome(model: str, *, ours: bool, **figures: float | None) -> Outcome:
    usual = {"auc": 0.7, "gauc": 0.7, "log_loss": 0.6, "ece": 0.02, "ndcg": 0.8, "coverage": 0.1}
    usual |= {"anonymous_auc": 0.6, "new_item_auc": None, "chance_ece": 0.01}
    trial = Trial(
        1,
        validation_log_loss=figures.pop("validation", 0.6),
        passes=1,
        seconds=1,
        rows_per_second=1,
        **(usual | figures),
    )
    return Outcome(model, ours, True, (trial,), None, 100.0)


def rows_of(labels: list[int], users: list[int]) -> Rows:
    nothing = np.zeros(len(labels), dtype=np.int64)
    return Rows(
        np.array(labels, dtype=np.float32), np.array(users), nothing, nothing, nothing, nothing, nothing, nothing
    )


TEST = rows_of([0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 2, 2])
RIGHT = np.array([0.1, 0.9, 0.2, 0.8, 0.3, 0.7])


def test_the_calibration_error_of_chance_is_that_of_labels_drawn_from_the_probabilities():
    random = np.random.default_rng(1)
    probabilities = random.beta(1, 4, 1_500)
    drawn = (random.random((400, 1_500)) < probabilities).astype(np.float32)

    errors = [expected_calibration_error(labels, probabilities) for labels in drawn]

    assert chance_ece(probabilities) == pytest.approx(np.mean(errors), rel=0.03)


def test_students_interval_over_seeds():
    interval = over_seeds([0.70, 0.71, 0.72])

    # mean .71, standard error .01 / sqrt(3), t of 2 degrees of freedom 4.302653
    assert interval == pytest.approx((0.71 - 4.302653 * 0.01 / 3**0.5, 0.71 + 4.302653 * 0.01 / 3**0.5))
    assert over_seeds([0.7]) is None


def test_the_same_scores_differ_by_nothing():
    assert auc_difference(TEST.labels, RIGHT, RIGHT, TEST.user) == (0, 0)


def test_right_scores_lead_over_wrong_ones():
    assert auc_difference(TEST.labels, RIGHT, -RIGHT, TEST.user) == (1, 1)


def test_one_class_has_no_interval():
    labels = np.ones(6, dtype=np.float32)

    assert auc_difference(labels, RIGHT, -RIGHT, np.full(6, -1)) is None


def test_the_verdict_says_what_is_won_and_what_is_lost_and_by_how_much():
    outcomes = [
        outcome("deepfm", ours=True, validation=0.5, auc=0.72, log_loss=0.61),
        outcome("din", ours=True, validation=0.6, auc=0.99),
        outcome("ease", ours=False, auc=0.71),
        outcome("als", ours=False, auc=0.70, log_loss=0.58, gauc=None, ndcg=0.83),
    ]

    found = compare(outcomes, {"deepfm": RIGHT, "ease": RIGHT}, TEST)

    by_metric = {one.metric: (one.ours, one.peer, round(one.lead, 6)) for one in found}
    assert by_metric["auc"] == ("deepfm", "ease", 0.01)
    assert by_metric["log_loss"] == ("deepfm", "als", -0.03)
    assert by_metric["gauc"] == ("deepfm", "ease", 0.0)
    said = sentence("films", found, ["lightgbm"])
    assert said is not None
    assert "deepfm, beats every peer on AUC (+0.0100 over ease" in said
    assert "equals ease on GAUC, ease on ECE; falls short of als on log loss by 0.0300, als on NDCG" in said
    assert said.endswith("lightgbm failed and cannot be compared.")


def test_without_a_peer_there_is_no_verdict():
    assert compare([outcome("deepfm", ours=True)], {}, TEST) == ()
    assert sentence("films", ()) is None
