"""Figures on real faces of many people, where the evaluation data lies beside the repository."""

from pathlib import Path

import numpy as np
import pytest

from faceid.evaluate import folder, identification_report, pairs, verification_report
from faceid.evaluate.acquisition import Acquisition, acquire
from faceid.evaluate.identification import false_negative_rate, false_positive_rate
from faceid.evaluate.pairs import Pairs
from faceid.match import THRESHOLD_DEFAULT
from faceid.pipeline import Pipeline

FACES = next(
    (one / "shared" / "data" / "faces" / "lfw_dev" for one in Path(__file__).resolve().parents
     if (one / "shared" / "data" / "faces" / "lfw_dev").is_dir()),
    None,
)  # fmt: skip


@pytest.fixture(scope="module")
def chosen() -> Pairs:
    """Forty pairs of one person and forty of two."""
    if FACES is None:
        pytest.skip("The evaluation faces are not beside the repository.")
    whole = pairs.read(FACES / "pairs.txt", FACES)
    kinds = [[pair for pair in whole.pairs if pair.same is same][:40] for same in (True, False)]
    return Pairs((*kinds[0], *kinds[1]), 1, False, 0)


@pytest.fixture(scope="module")
def acquired(chosen: Pairs, pipeline: Pipeline) -> Acquisition:
    files = [picture.path for pair in chosen.pairs for picture in (pair.first, pair.second)]
    return acquire(pipeline, files, progress=lambda done: None)


def test_pairs_are_told_apart(chosen: Pairs, acquired: Acquisition):
    run = verification_report.compare(chosen, acquired)

    figures = verification_report.report(run, FACES or Path(), THRESHOLD_DEFAULT)

    assert len(acquired.failures) <= 3
    assert figures["accuracy_of_scored_pairs"].mean >= 0.97
    assert figures["operating_point"]["fmr"].value == 0.0


def test_people_are_found_and_strangers_are_not(chosen: Pairs, acquired: Acquisition):
    known = {picture.path: picture for pair in chosen.pairs for picture in (pair.first, pair.second)}
    protocol = identification_report.plan(list(known.values()), None)

    done = identification_report.run(protocol, acquired)

    assert false_negative_rate(done.searches, THRESHOLD_DEFAULT, 0.05).value <= 0.1
    assert false_positive_rate(done.searches, THRESHOLD_DEFAULT, 0.05).value <= 0.03
    assert np.isfinite(done.searches.other).mean() > 0.95
    assert protocol.strangers_are == identification_report.SINGLES
    assert folder.names(protocol.enrolled).keys().isdisjoint(folder.names(protocol.probes[-protocol.strangers :]))
