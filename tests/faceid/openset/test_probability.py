import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceid.openset.probability import Curve, ScoreCalibrator, cross_fitted, reliability


def bells(seed: int = 1, genuine: int = 2000, impostor: int = 6000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(0.6, 0.1, genuine), random.normal(0.1, 0.1, impostor)


def test_the_logistic_curve_finds_the_likelihood_ratio_of_two_bells():
    fitted = ScoreCalibrator.fit(*bells())  # log ratio: (0.5 / 0.01) (s - 0.35)

    assert fitted.log_likelihood_ratio(np.array([0.35]))[0] == pytest.approx(0.0, abs=0.6)
    assert fitted.evidence[0] == pytest.approx(50, rel=0.15)


@pytest.mark.parametrize("curve", list(Curve))
def test_probabilities_keep_what_they_say(curve: Curve):
    random = np.random.default_rng(3)
    report = cross_fitted(random.normal(0.4, 0.15, 2000), random.normal(0.2, 0.15, 3000), curve)

    assert report.expected_calibration_error < 0.03
    assert 0.3 < report.log_likelihood_cost < 0.8
    assert sum(share for _, _, share in report.bins) == pytest.approx(1.0)


def test_the_prior_counts():
    score = ScoreCalibrator.fit(*bells()).score

    assert score(0.35).probability == pytest.approx(0.5, abs=0.15)
    assert score(0.35, prior=0.001).probability < 0.01
    assert score(0.35).cosine == 0.35


@given(st.sampled_from(list(Curve)), st.integers(0, 100))
def test_probability_never_falls_as_the_cosine_rises(curve: Curve, seed: int):
    fitted = ScoreCalibrator.fit(*bells(seed, 60, 90), curve)

    probability = fitted.probabilities(np.linspace(-1, 1, 300))

    assert (np.diff(probability) >= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()


@pytest.mark.parametrize("curve", list(Curve))
def test_a_calibrator_survives_being_written_down(curve: Curve):
    fitted = ScoreCalibrator.fit(*bells(2, 50, 50), curve)

    assert ScoreCalibrator.of(json.loads(json.dumps(fitted.fields()))) == fitted


def test_too_few_pairs_are_refused():
    with pytest.raises(ValueError, match="too few"):
        ScoreCalibrator.fit(np.ones(19), np.zeros(100))


@pytest.mark.parametrize("prior", [0.0, 1.0, float("nan")])
def test_a_prior_that_is_no_probability_is_refused(prior: float):
    with pytest.raises(ValueError, match="prior"):
        ScoreCalibrator.fit(*bells(1, 50, 50)).score(0.5, prior)


def test_saying_one_half_always_costs_one_bit():
    report = reliability(np.full(10, 0.5), np.arange(10) < 3)

    assert report.log_likelihood_cost == pytest.approx(1.0)
    assert report.expected_calibration_error == pytest.approx(0.0)


def test_being_sure_and_wrong_is_found_out():
    report = reliability(np.array([0.95, 0.95, 0.05, 0.05]), np.array([False, False, True, True]))

    assert report.expected_calibration_error == pytest.approx(0.95)
