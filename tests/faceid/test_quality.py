from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.errors import FaceError, FaceRefused
from faceid.frame import from_rgb
from faceid.pipeline import Pipeline
from faceid.quality import ENROLMENT, SCREEN, Quality, measure
from faceid.rules import Profile, Reason, refusal

Picture = NDArray[np.uint8]


@pytest.fixture
def judged(pipeline: Pipeline) -> Callable[[Picture, Profile], Quality]:
    def judge(image: Picture, profile: Profile) -> Quality:
        return pipeline.faces(from_rgb(image), profile)[0].quality

    return judge


Judge = Callable[[Picture, Profile], Quality]


@pytest.mark.parametrize("name", ["biden", "obama", "obama2", "obama3", "astronaut"])
@pytest.mark.parametrize("profile", [ENROLMENT, SCREEN])
def test_portraits_are_usable(judged: Judge, picture: Callable[[str], Picture], name: str, profile: Profile):
    quality = judged(picture(name), profile)

    assert quality.usable
    assert quality.reasons == ()


@pytest.mark.parametrize("name", ["biden", "obama", "obama2", "obama3", "astronaut"])
def test_a_blurred_face_is_refused(judged: Judge, picture: Callable[[str], Picture], name: str):
    sharp = picture(name)
    spread = judged(sharp, ENROLMENT).figures.eye_distance / 10

    blurred = judged(np.asarray(cv2.GaussianBlur(sharp, (0, 0), spread), dtype=np.uint8), SCREEN)

    assert Reason.BLURRED in blurred.reasons
    assert blurred.figures.sharpness < judged(sharp, SCREEN).figures.sharpness / 20


def test_a_small_face_is_refused_at_enrolment_and_a_tiny_one_always(judged: Judge, picture: Callable[[str], Picture]):
    portrait = picture("obama")

    def at_eye_distance(pixels: float) -> Picture:
        factor = pixels / judged(portrait, SCREEN).figures.eye_distance
        shrunk = cv2.resize(portrait, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return np.asarray(
            cv2.copyMakeBorder(shrunk, 99, 99, 99, 99, cv2.BORDER_CONSTANT, value=(90, 90, 90)), dtype=np.uint8
        )

    assert judged(at_eye_distance(28), ENROLMENT).reasons == (Reason.TOO_SMALL,)
    assert judged(at_eye_distance(28), SCREEN).usable
    assert Reason.TOO_SMALL in judged(at_eye_distance(12), SCREEN).reasons


@pytest.mark.parametrize(
    ("gain", "offset", "reason"),
    [(0.1, 0, Reason.TOO_DARK), (1.0, 150, Reason.OVEREXPOSED), (0.06, 0, Reason.TOO_DARK)],
)
def test_badly_lit_faces_are_refused(
    judged: Judge, picture: Callable[[str], Picture], gain: float, offset: float, reason: Reason
):
    lit = np.clip(picture("obama") * gain + offset, 0, 255).astype(np.uint8)

    assert reason in judged(lit, ENROLMENT).reasons


@pytest.mark.parametrize("name", ["obama_partial", "obama_covered"])
def test_a_face_cut_off_by_the_border_is_refused_at_enrolment(
    judged: Judge, picture: Callable[[str], Picture], name: str
):
    quality = judged(picture(name), ENROLMENT)

    if name == "obama_partial":
        assert quality.reasons[0] is Reason.CUT_OFF
    assert quality.figures.visible < 0.8


@pytest.mark.parametrize(("angle", "tilted"), [(0, False), (15, False), (35, True), (-35, True)])
def test_roll_is_measured_in_degrees(judged: Judge, picture: Callable[[str], Picture], angle: float, tilted: bool):
    image = picture("astronaut")
    turn = cv2.getRotationMatrix2D((224, 120), -angle, 1.0)

    quality = judged(np.asarray(cv2.warpAffine(image, turn, (512, 512)), dtype=np.uint8), ENROLMENT)

    assert quality.figures.roll == pytest.approx(angle, abs=8)
    assert (Reason.TURNED in quality.reasons) is tilted


def test_mirroring_a_face_mirrors_its_yaw(judged: Judge, picture: Callable[[str], Picture]):
    image = picture("obama2")

    there = judged(image, SCREEN).figures.yaw
    back = judged(np.ascontiguousarray(image[:, ::-1]), SCREEN).figures.yaw

    assert there == pytest.approx(-back, abs=7)
    assert abs(there) > 8


def test_the_screen_profile_is_never_stricter_than_the_enrolment_profile():
    for figure in ("score", "visible", "eye_distance", "brightness", "sharpness"):
        assert getattr(SCREEN, figure) < getattr(ENROLMENT, figure)
    for figure in ("yaw", "roll", "black", "white"):
        assert getattr(SCREEN, figure) > getattr(ENROLMENT, figure)


def test_a_face_that_cannot_be_aligned_is_degenerate(pipeline: Pipeline, picture: Callable[[str], Picture]):
    image = picture("obama")

    quality = measure(image, pipeline.detector.faces(image)[0], None, SCREEN)

    assert quality.reasons[0] is Reason.DEGENERATE


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_an_error_of_its_code(judged: Judge, picture: Callable[[str], Picture], reason: Reason):
    error = refusal(reason, judged(picture("obama"), ENROLMENT).figures, ENROLMENT)

    assert isinstance(error, FaceRefused)
    assert error.code == reason.value
    assert all((error.happened, error.expected, error.remedy))


def test_error_codes_are_unique():
    def below(kind: type[FaceError]) -> list[type[FaceError]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    codes = [kind.code for kind in below(FaceError)]
    assert sorted(codes) == sorted(set(codes))
