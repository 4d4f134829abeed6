"""Near-infrared beside the visible look: made frames of people, screens and prints."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.liveness import lamps
from faceid.liveness.capture import Capture, Look
from faceid.liveness.infrared import Infrared
from faceid.liveness.sitter import Sitter
from faceid.pipeline import Pipeline

NAMES = ["obama", "obama2", "biden", "astronaut"]


@pytest.fixture
def look(picture: Callable[[str], NDArray[np.uint8]], pipeline: Pipeline) -> Callable[[str], Look]:
    """Look at a photograph's upper square, 400 pixels."""

    def call(name: str) -> Look:
        photograph = picture(name)
        side = min(photograph.shape[:2])
        small = np.asarray(cv2.resize(photograph[:side, :side], (400, 400), interpolation=cv2.INTER_AREA), np.uint8)
        return Look(small, pipeline.detector.faces(small)[0])

    return call


@pytest.mark.parametrize("name", NAMES)
def test_a_person_under_a_lamp_is_told_from_screens_and_prints(look: Callable[[str], Look], name: str) -> None:
    seen = look(name)
    frames = {
        "person": lamps.person(Sitter.of(seen.image, seen.face.landmarks), seed=5),
        "screen": lamps.screen(seen.image.shape[:2], seed=5),
        "dye print": lamps.dye_print(seen.image, seed=5),
        "carbon print": lamps.carbon_print(seen.image, seed=5),
    }

    scores = {kind: Infrared().judge(Capture((seen,), frame)) for kind, frame in frames.items()}

    living = {kind for kind, evidence in scores.items() if evidence is not None and evidence.score > 0}
    assert living == {"person"}


def test_without_an_infrared_frame_there_is_no_evidence(look: Callable[[str], Look]) -> None:
    assert Infrared().judge(Capture((look("obama"),))) is None


def test_a_face_without_a_plane_is_not_judged(look: Callable[[str], Look]) -> None:
    seen = look("obama")
    flat = replace(seen.face, landmarks=np.zeros((5, 2), dtype=np.float32))
    frame = lamps.screen(seen.image.shape[:2])

    assert Infrared().judge(Capture((Look(seen.image, flat),), frame)) is None


@pytest.mark.parametrize("level", [0, 255])
def test_a_frame_of_one_shade_is_no_person(look: Callable[[str], Look], level: int) -> None:
    seen = look("obama")

    found = Infrared().judge(Capture((seen,), np.full(seen.image.shape[:2], level, dtype=np.uint8)))

    assert found is not None
    assert np.isfinite(found.score)
    assert found.score < -3.0
