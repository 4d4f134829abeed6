import numpy as np
import pytest

from faceid.openset.calibration import Method
from faceid.openset.errors import CalibrationRefused
from faceid.openset.threshold import ImpostorScores, at_size, fit_threshold, independent_threshold


def best_of(random: np.random.Generator, searches: int, gallery: int) -> np.ndarray:
    """Draw the best of ``gallery`` normal scores by inverting its distribution."""
    from statistics import NormalDist

    bell = NormalDist(0.0, 0.1)
    return np.array([bell.inv_cdf(one ** (1.0 / gallery)) for one in random.random(searches)])


def scores(seed: int, searches: int = 2000, gallery: int = 100) -> ImpostorScores:
    return ImpostorScores(best_of(np.random.default_rng(seed), searches, gallery), np.arange(searches), gallery)


def truth(threshold: float, gallery: int) -> float:
    from statistics import NormalDist

    return 1.0 - NormalDist(0.0, 0.1).cdf(threshold) ** gallery


def test_a_threshold_within_the_data_keeps_the_target():
    fitted = fit_threshold(scores(1), 0.01, 100)

    assert fitted.method is Method.EMPIRICAL
    assert fitted.rate == 0.01
    assert fitted.rate_interval[0] <= truth(fitted.threshold, 100) <= fitted.rate_interval[1]


def test_a_larger_gallery_needs_a_higher_threshold_by_the_power_law():
    small, large = fit_threshold(scores(1), 0.02, 100), fit_threshold(scores(1), 0.02, 300)

    assert large.method is Method.SCALED
    assert large.threshold > small.threshold
    assert large.rate_interval[0] <= truth(large.threshold, 300) <= large.rate_interval[1]


def test_beyond_the_data_a_tail_is_extrapolated_and_marked():
    fitted = fit_threshold(scores(2), 0.001, 100)

    assert fitted.method is Method.PARETO_TAIL
    assert fitted.rate_interval[0] <= truth(fitted.threshold, 100) <= fitted.rate_interval[1]
    assert fitted.threshold_interval[0] < fitted.threshold < fitted.threshold_interval[1]


@pytest.mark.parametrize(("target", "searches"), [(0.02, 800), (0.005, 800)])
def test_the_intervals_hold_what_other_strangers_show_about_as_often_as_they_say(target: float, searches: int):
    held = 0
    for seed in range(25):
        fitted = fit_threshold(scores(seed, searches), target, 100, seed=seed)
        seen = np.mean(scores(seed + 1000, searches).best >= fitted.threshold)
        held += fitted.rate_interval[0] <= seen <= fitted.rate_interval[1]

    assert held >= 22


def test_pictures_of_the_same_impostors_are_worth_less():
    few = scores(3, 400)
    repeated = ImpostorScores(np.repeat(few.best, 10), np.repeat(few.person, 10), few.gallery_size)

    assert repeated.effective == 400
    assert fit_threshold(repeated, 0.05, 100).rate_interval == pytest.approx(
        fit_threshold(few, 0.05, 100).rate_interval, abs=0.006
    )


def test_too_few_impostors_are_refused():
    with pytest.raises(CalibrationRefused, match="74 impostor searches"):
        fit_threshold(scores(1, 74), 0.01, 100)


@pytest.mark.parametrize(("target", "size"), [(0.0, 10), (1.0, 10), (float("nan"), 10), (0.01, 0)])
def test_targets_and_sizes_out_of_range_are_refused(target: float, size: int):
    with pytest.raises(CalibrationRefused):
        fit_threshold(scores(1, 100), target, size)


def test_the_rate_of_a_larger_gallery_compounds():
    assert at_size(0.01, 2) == pytest.approx(1 - 0.99**2)
    assert at_size(1.0, 3) == 1.0
    assert at_size(0.0, 3) == 0.0


def test_independent_comparisons_give_the_threshold_of_the_product():
    thresholds = np.linspace(-1, 1, 2001)

    found = independent_threshold(np.linspace(1, 0, 2001), thresholds, 0.1, 50)

    assert 1 - (1 - (1 - found) / 2) ** 50 == pytest.approx(0.1, abs=0.03)
