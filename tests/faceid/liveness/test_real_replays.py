"""The default models on real replays, source by source. They were trained without any real attack."""

from pathlib import Path

import numpy as np
import pytest

from faceid.evaluate.intervals import wilson
from faceid.evaluate.liveness import area
from faceid.evaluate.presentations import capture_of, presentations
from faceid.liveness.bundle import DIRECTORY, Bundle
from faceid.liveness.detector import LivenessDetector
from faceid.liveness.policy import Purpose
from faceid.pipeline import Pipeline

REPLAYS = Path(__file__).resolve().parents[4] / "shared" / "data" / "faces" / "replay_dev"
EVERY = 4

PUBLISHED = [
    ("source_a", Purpose.ENROLMENT, 0.0619, 0.0),
    ("source_a", Purpose.SCREEN, 0.3814, 0.0),
    ("source_b", Purpose.ENROLMENT, 0.32, 0.8224),
    ("source_b", Purpose.SCREEN, 0.408, 0.1262),
]
"""APCER and BPCER of all files, as ``docs/liveness.md`` prints them."""

Scores = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def scores(models_dir: Path, pipeline: Pipeline) -> dict[str, Scores]:
    if not REPLAYS.is_dir():
        pytest.skip(f"needs the evaluation data in {REPLAYS.parent.name}/{REPLAYS.name} beside the project")
    detector = LivenessDetector.load(models_dir)
    found = {}
    for source in ("source_a", "source_b"):
        kinds: dict[bool, list[float]] = {True: [], False: []}
        for one in presentations(REPLAYS / source)[::EVERY]:
            capture = capture_of(pipeline.detector, one)
            if capture is not None:
                kinds[one.species is None].append(detector.judge(capture).score)
        found[source] = np.array(kinds[True]), np.array(kinds[False])
    return found


def test_nearly_every_crop_gives_a_face(scores: dict[str, Scores]) -> None:
    counts = [sum(map(len, kinds)) for kinds in scores.values()]

    assert counts[0] >= 49
    assert counts[1] >= 115


@pytest.mark.parametrize(("source", "least"), [("source_a", 0.95), ("source_b", 0.55)])
def test_people_score_above_replays_of_cameras_never_seen(scores: dict[str, Scores], source: str, least: float) -> None:
    assert area(*scores[source]) > least


@pytest.mark.parametrize(("source", "purpose", "apcer", "bpcer"), PUBLISHED)
def test_the_shipped_thresholds_err_no_more_often_than_is_published(
    scores: dict[str, Scores], models_dir: Path, source: str, purpose: Purpose, apcer: float, bpcer: float
) -> None:
    """Hold the errors of these files below the upper end of what as many files of those rates would show."""
    living, attacks = scores[source]
    least = Bundle.load(models_dir / DIRECTORY).thresholds[purpose]

    passed, refused = float((attacks >= least).mean()), float((living < least).mean())

    assert passed <= wilson(round(apcer * len(attacks)), len(attacks)).high
    assert refused <= wilson(round(bpcer * len(living)), len(living)).high
