"""Errors of presentation attack detection on scores whose figures can be counted by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from faceid.evaluate.errors import FolderRefused
from faceid.evaluate.impostors import system_errors
from faceid.evaluate.liveness import Scored, area, calibration_error, curve, errors, reliability
from faceid.evaluate.liveness_trials import Trial
from faceid.evaluate.presentations import capture_of, presentations
from faceid.liveness.method import Evidence
from faceid.pipeline import Pipeline


def _scored(scores: list[float], threshold: float = 0.5, lost: int = 0) -> Scored:
    values = np.array(scores, dtype=np.float64)
    return Scored(values, values >= threshold, lost)


def test_the_worst_species_stands_for_the_system_and_each_is_told() -> None:
    live = _scored([0.9, 0.8, 0.4, 0.7], lost=1)
    found = errors(live, {"print": _scored([0.1, 0.6]), "screen": _scored([0.1, 0.2, 0.3, 0.9], lost=4)})

    assert (found.worst, found.apcer.value) == ("print", 0.5)
    assert found.species["screen"].apcer.value == 0.25
    assert found.species["screen"].apnrr.value == 0.5
    assert found.bpcer.value == 0.25
    assert found.bpnrr.value == 0.2
    assert found.acer.value == 0.375
    assert found.acer.low == (found.apcer.low + found.bpcer.low) / 2
    assert found.acer.high == (found.apcer.high + found.bpcer.high) / 2
    assert found.acer.trials == 6
    assert found.bpcer.low < 0.25 < found.bpcer.high


def test_a_species_without_any_response_is_listed_but_is_not_the_worst() -> None:
    found = errors(_scored([0.9]), {"mask": _scored([], lost=3), "print": _scored([0.1])})

    assert found.worst == "print"
    assert found.species["mask"].apnrr.value == 1.0
    assert np.isnan(found.species["mask"].apcer.value)


def test_the_curve_meets_its_levels() -> None:
    live, attack = _scored([0.2, 0.5, 0.6, 0.8, 0.9]), _scored([0.1, 0.1, 0.3, 0.4, 0.7])

    found = curve(live, {"print": attack})

    assert found is not None
    assert found.bpcer_at[0.10] == 0.6  # above .7 no attack passes, and three of five people fall short
    assert found.apcer_at[0.10] == 0.6  # nobody may be refused, so the threshold is .2
    assert found.equal_error == pytest.approx(0.2)
    assert (np.diff(found.apcer) <= 0).all()
    assert (np.diff(found.bpcer) >= 0).all()


def test_there_is_no_curve_without_attacks() -> None:
    assert curve(_scored([0.5]), {"print": _scored([], lost=2)}) is None


@given(arrays(np.float64, 12, elements=st.integers(0, 5).map(lambda n: n / 5)))
def test_the_area_is_that_of_scikit_learn(scores: np.ndarray) -> None:
    target = [1] * 5 + [0] * 7

    assert area(scores[:5], scores[5:]) == pytest.approx(roc_auc_score(target, scores))


def test_scores_that_claim_what_happens_have_no_calibration_error() -> None:
    live, attack = np.repeat([0.75, 0.25], [75, 25]), np.repeat([0.75, 0.25], [25, 75])

    rows = reliability(live, attack)

    assert [row["live"] for row in rows] == pytest.approx([0.25, 0.75])
    assert calibration_error(rows) == pytest.approx(0.0)
    assert calibration_error(reliability(attack, live)) == pytest.approx(0.5)


def _trial(name: str, species: str | None, vector: list[float] | None, score: float) -> Trial:
    embedding = None if vector is None else np.array(vector, dtype=np.float32)
    return Trial(name, "ann", species, int(vector is not None), (Evidence("first", score),), embedding)


def test_riapar_adds_attacks_recognised_to_people_refused() -> None:
    trials = [
        _trial("real/ann/1", None, [1, 0], 1.0),
        _trial("real/ann/2", None, [1, 0], 1.0),
        _trial("real/ann/3", None, [1, 0], -1.0),
        _trial("real/ann/4", None, None, 1.0),
        _trial("real/ann/5", None, [0.96, 0.28], 1.0),
        _trial("print/ann/1", "print", [1, 0], 1.0),
        _trial("print/ann/2", "print", [0, 1], 1.0),
        _trial("print/ann/3", "print", [1, 0], -1.0),
        _trial("screen/ann/1", "screen", [1, 0], -1.0),
    ]

    found = system_errors(trials, lambda trial: (0.5, trial.evidence[0].score > 0), 0.4)

    assert found is not None
    assert found.frr.value == 0.5
    assert found.species["print"].value == pytest.approx(1 / 3)
    assert (found.worst, found.people) == ("print", 1)
    assert found.riapar == pytest.approx(0.5 + 1 / 3)
    assert found.low < found.riapar < found.high


def test_riapar_is_not_made_up_where_nobody_is_known() -> None:
    stranger = Trial("real/1.png", None, None, 1, ())

    assert system_errors([stranger], lambda trial: (1.0, True), 0.4) is None


@pytest.mark.parametrize("folders", [(), ("real",), ("print", "screen")])
def test_a_folder_needs_living_people_and_attacks(tmp_path: Path, folders: tuple[str, ...]) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(b"x")

    with pytest.raises(FolderRefused, match="real"):
        presentations(tmp_path)


def test_stills_and_videos_are_listed_by_species_in_natural_order(tmp_path: Path) -> None:
    for name in ("real/ann/10.png", "real/ann/2.png", "screen/a.MP4", "screen/notes.txt", ".hidden/x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")

    found = presentations(tmp_path)

    assert [(one.name, one.species, one.video) for one in found] == [
        ("real/ann/2.png", None, False),
        ("real/ann/10.png", None, False),
        ("screen/a.MP4", "screen", True),
    ]


def test_a_file_that_cannot_be_read_or_shows_nobody_has_no_capture(tmp_path: Path, pipeline: Pipeline) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "screen").mkdir()
    (tmp_path / "real" / "1.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "screen" / "1.png"), np.full((64, 64, 3), 90, dtype=np.uint8))

    assert [capture_of(pipeline.detector, one) for one in presentations(tmp_path)] == [None, None]
