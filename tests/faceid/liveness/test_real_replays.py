"""The default models on real replays, source by source. They were trained without any real attack."""

from pathlib import Path

import numpy as np
import pytest

from faceid.evaluate.liveness import area
from faceid.evaluate.presentations import capture_of, presentations
from faceid.liveness.detector import LivenessDetector
from faceid.pipeline import Pipeline

REPLAYS = Path(__file__).resolve().parents[4] / "shared" / "data" / "faces" / "replay_dev"
EVERY = 4

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
