"""Platt scaling."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from recsys.serving.metadata import Calibration
from recsys.serving.ranker import calibrate
from recsys.training.calibrate import fit_platt
from recsys.training.metrics import expected_calibration_error, log_loss


@pytest.fixture
def overconfident():
    """Labels drawn from log-odds of which the network reports twice as much, and one too many."""
    random = np.random.default_rng(5)
    logits = random.normal(size=20_000)
    labels = (random.random(20_000) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    return labels, (1 / (1 + np.exp(-(2 * logits + 1)))).astype(np.float32)


def test_overconfidence_is_undone(overconfident):
    labels, scores = overconfident

    calibration = fit_platt(labels, scores)
    calibrated = calibrate(scores, calibration)

    assert calibration.slope == pytest.approx(0.5, abs=0.02)
    assert calibration.intercept == pytest.approx(-0.5, abs=0.05)
    assert expected_calibration_error(labels, calibrated) < 0.02 < expected_calibration_error(labels, scores)
    assert log_loss(labels, calibrated) < log_loss(labels, scores)


def test_the_fit_is_that_of_logistic_regression(overconfident):
    labels, scores = overconfident
    logits = np.log(scores / (1 - scores), dtype=np.float64)[:, None]

    peer = LogisticRegression(C=1e9).fit(logits, labels)
    found = fit_platt(labels, scores)

    assert found.slope == pytest.approx(peer.coef_[0, 0], abs=2e-3)
    assert found.intercept == pytest.approx(peer.intercept_[0], abs=2e-3)


def test_calibration_never_turns_the_ranking_around():
    labels, scores = np.array([1, 1, 1, 0, 0, 0]), np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9])

    found = fit_platt(labels, scores)

    assert found.slope == 1.0
    assert (np.diff(calibrate(scores, found)) > 0).all()


def test_separable_scores_keep_finite_figures():
    found = fit_platt(np.array([0, 0, 1, 1]), np.array([0.0, 0.1, 0.9, 1.0]))

    assert np.isfinite([found.slope, found.intercept]).all()
    assert found.slope > 0


def test_certain_scores_stay_probabilities():
    found = calibrate(np.array([0.0, 0.5, 1.0], dtype=np.float32), Calibration(slope=2.0, intercept=0.0))

    assert found.dtype == np.float32
    assert found[1] == 0.5
    assert 0 <= found[0] < 1e-6
    assert 1 - 1e-6 < found[2] <= 1
