import argparse
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from faceid.commands.rule import add_rule, rule_of
from faceid.errors import ContractMismatch
from faceid.match import IMPOSTOR_MARGIN, THRESHOLD_DEFAULT
from faceid.openset.calibration import Calibration, Method
from faceid.openset.errors import CalibrationRefused
from faceid.openset.probability import ScoreCalibrator

RANDOM = np.random.default_rng(4)
MADE = Calibration(
    contract="emb_one", made_at=datetime(2026, 11, 22, tzinfo=UTC), target=0.01, gallery_size=100, threshold=0.44,
    threshold_interval=(0.41, 0.47), rate_interval=(0.005, 0.02), level=0.95, method=Method.EMPIRICAL, margin=0.07,
    impostors=200, searches=200, sites={"lobby": 0.5},
    probability=ScoreCalibrator.fit(RANDOM.normal(0.6, 0.1, 200), RANDOM.normal(0.1, 0.1, 200)),
)  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "calibration.json"
    MADE.save(path)
    return path


def parsed(*arguments: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_rule(parser, margin=True)
    return parser.parse_args([str(one) for one in arguments])


def test_without_a_calibration_the_defaults_hold_and_no_probability_is_told():
    rule = rule_of(parsed(), "emb_one")

    assert (rule.threshold, rule.margin) == (THRESHOLD_DEFAULT, IMPOSTOR_MARGIN)
    assert rule.meaning(0.9) == {}


def test_a_calibration_gives_threshold_margin_and_probability(made: Path):
    rule = rule_of(parsed("--calibration", made), "emb_one")

    assert (rule.threshold, rule.margin) == (0.44, 0.07)
    assert rule.meaning(0.6)["probability"] > 0.99 > 0.01 > rule.meaning(0.1)["probability"]
    assert rule.meaning(0.6)["prior"] == 0.5


def test_a_site_has_its_own_threshold_where_it_was_calibrated(made: Path):
    assert rule_of(parsed("--calibration", made, "--site", "lobby"), "emb_one").threshold == 0.5
    assert rule_of(parsed("--calibration", made, "--site", "yard"), "emb_one").threshold == 0.44


def test_what_is_stated_beats_what_is_calibrated(made: Path):
    rule = rule_of(parsed("--calibration", made, "--threshold", "0.3", "--margin", "0"), "emb_one")

    assert (rule.threshold, rule.margin) == (0.3, 0.0)


def test_a_calibration_of_other_models_or_none_at_all_is_refused(made: Path, tmp_path: Path):
    with pytest.raises(ContractMismatch):
        rule_of(parsed("--calibration", made), "emb_other")
    replace(MADE, probability=None).save(made)
    assert rule_of(parsed("--calibration", made), "emb_one").meaning(0.5) == {}
    made.write_text("{}")
    with pytest.raises(CalibrationRefused):
        rule_of(parsed("--calibration", made), "emb_one")
