"""Platt scaling."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from recsys.serving.calibration import Calibration, calibrate, calibrate_rows
from recsys.training.calibrate import fit_calibration, fit_platt
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


@pytest.fixture
def uneven():
    """Scenes 3 and 4 with labels twice as frequent and half as frequent, in odds, as one network says for both."""
    random = np.random.default_rng(6)
    logits, scene = random.normal(size=8_000), random.choice([3, 4], size=8_000)
    labels = (random.random(8_000) < 1 / (1 + np.exp(-(logits + np.where(scene == 3, 0.7, -0.7))))).astype(np.float32)
    feeds = {"scene": scene[:, None].astype(np.int32), "position": np.zeros((8_000, 1), dtype=np.int32)}
    return labels, (1 / (1 + np.exp(-logits))).astype(np.float32), feeds


def test_each_scene_is_calibrated_by_itself(uneven):
    labels, scores, feeds = uneven

    found = fit_calibration(labels, scores, feeds)
    together = calibrate(scores, fit_platt(labels, scores))
    apart = calibrate_rows(scores, found, feeds)

    assert found.scenes == {3: pytest.approx(0.7, abs=0.1), 4: pytest.approx(-0.7, abs=0.1)}
    assert found.positions == {}  # there is only one
    for scene in (3, 4):
        rows = feeds["scene"][:, 0] == scene
        assert expected_calibration_error(labels[rows], apart[rows]) < 0.04
        assert expected_calibration_error(labels[rows], together[rows]) > 0.1


def test_a_scene_with_few_rows_or_never_seen_is_left_as_it_is(uneven):
    labels, scores, feeds = uneven
    rare = {"scene": np.where(np.arange(8_000) < 100, 5, feeds["scene"][:, 0])[:, None].astype(np.int32)}

    found = fit_calibration(labels, scores, rare)
    seen, unseen = ({"scene": np.full((1, 1), scene, dtype=np.int32)} for scene in (3, 99))
    half = np.array([0.5], dtype=np.float32)

    assert set(found.scenes) == {3, 4}
    assert calibrate_rows(half, found, unseen) == calibrate(half, Calibration(found.slope, found.intercept))
    assert calibrate_rows(half, found, seen) > calibrate_rows(half, found, unseen)


def test_the_fewer_rows_the_less_a_scene_is_believed(uneven):
    labels, scores, feeds = uneven
    rows = np.concatenate([np.flatnonzero(feeds["scene"][:, 0] == scene)[:220] for scene in (3, 4)])
    often = np.tile(rows, 20)

    few = fit_calibration(labels[rows], scores[rows], {"scene": feeds["scene"][rows]})
    many = fit_calibration(labels[often], scores[often], {"scene": feeds["scene"][often]})

    assert 0 < few.scenes[3] - few.scenes[4] < many.scenes[3] - many.scenes[4]


def test_positions_are_calibrated_beside_scenes(uneven):
    labels, scores, feeds = uneven
    moved = {"scene": feeds["position"], "position": feeds["scene"]}

    found = fit_calibration(labels, scores, moved)

    assert found.scenes == {}
    assert set(found.positions) == {3, 4}


def test_a_calibration_survives_its_document(uneven):
    found = fit_calibration(*uneven)

    assert Calibration.read(json.dumps(found.document())) == found


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"slope": 1}', "nothing", '{"slope":1,"intercept":0,"scenes":[1],"positions":{}}']
)
def test_what_is_no_calibration_is_refused(text):
    with pytest.raises(ValueError, match="is no calibration"):
        Calibration.read(text)
