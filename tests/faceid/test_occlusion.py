"""What enrolment measures beyond the screen: coverings, lids, lips, light from one side, nodding."""

import math
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceid.align import align
from faceid.appearance import OUTER_LIPS
from faceid.detect import Face
from faceid.frame import Frame, from_rgb
from faceid.mesh import EYE_CORNERS, FaceMesh, Mesh
from faceid.pipeline import Pipeline
from faceid.quality import ENROLMENT, SCREEN, Quality, measure
from faceid.rules import DENSE, RULES, Figures, Profile, Reason, failed, unmeasured
from faceid.shape import pose

Picture = NDArray[np.uint8]
Places = NDArray[np.float64]
PORTRAITS = ("biden", "obama", "obama2", "obama3", "astronaut")
JAW = (93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 280, 195, 50)
FULL = Figures(0.9, 1.0, 80.0, 0.0, 0.0, 120.0, 0.0, 0.0, 0.2, 0.0, 0.5, 0.06, 0.02, 0.9, 0.9, 40.0)


class Sitting:
    """A portrait, small enough to be quick, whose landmarks tell where to draw."""

    def __init__(self, pipeline: Pipeline, image: Picture) -> None:
        scale = min(1.0, 700 / max(image.shape[:2]))
        self.image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        self.pipeline = pipeline
        self.face: Face = pipeline.detector.faces(self.image)[0]
        assert pipeline.mesh is not None
        self.mesh: Mesh = pipeline.mesh.points(self.image, self.face)
        self.points: Places = self.mesh.points[:, :2].astype(np.float64)
        left, right = (self.points[list(corners)].mean(axis=0) for corners in EYE_CORNERS)
        self.eyes, self.apart = (left, right), float(np.linalg.norm(right - left))

    def judged(self, image: Picture, profile: Profile = ENROLMENT) -> Quality:
        crop = align(image, self.face.landmarks)
        return measure(image, self.face, crop, profile, self.pipeline.mesh)

    def with_shapes(self, shapes: list[Places], colour: tuple[int, int, int]) -> Picture:
        drawn = self.image.copy()
        for shape in shapes:
            cv2.fillPoly(drawn, [np.round(shape).astype(np.int32)], colour)
        return drawn

    def lens(self, centre: Places, wide: float = 0.36, high: float = 0.28) -> Places:
        turn = np.linspace(0, 2 * math.pi, 40)
        return centre + self.apart * np.stack([wide * np.cos(turn), 0.04 + high * np.sin(turn)], axis=1)

    def bar(self, centre: Places, wide: float, high: float) -> Places:
        corners = np.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]])
        return centre + self.apart * corners


@pytest.fixture(scope="module")
def sitting(pipeline: Pipeline, picture: Callable[[str], Picture]) -> Callable[[str], Sitting]:
    seated = {name: Sitting(pipeline, picture(name)) for name in PORTRAITS}
    return seated.__getitem__


@pytest.mark.parametrize("name", PORTRAITS)
def test_a_portrait_passes_and_every_figure_is_measured(sitting: Callable[[str], Sitting], name: str):
    quality = sitting(name).judged(sitting(name).image)

    assert quality.reasons == ()
    assert quality.unmeasured == ()
    assert all(getattr(quality.figures, figure) is not None for figure in DENSE)


@pytest.mark.parametrize("name", PORTRAITS)
def test_dark_glasses_hide_the_eyes(sitting: Callable[[str], Sitting], name: str):
    one = sitting(name)
    shaded = one.with_shapes([one.lens(eye) for eye in one.eyes], (28, 26, 30))

    quality = one.judged(shaded)

    assert Reason.EYES_HIDDEN in quality.reasons
    assert Reason.MOUTH_HIDDEN not in quality.reasons


@pytest.mark.parametrize("name", PORTRAITS)
@pytest.mark.parametrize("side", [0, 1])
def test_a_patch_over_one_eye_is_enough(sitting: Callable[[str], Sitting], name: str, side: int):
    one = sitting(name)

    assert Reason.EYES_HIDDEN in one.judged(one.with_shapes([one.lens(one.eyes[side])], (20, 20, 20))).reasons


@pytest.mark.parametrize("name", PORTRAITS)
@pytest.mark.parametrize("colour", [(0, 0, 0), (240, 240, 240), (96, 62, 40)], ids=["black", "white", "brown"])
def test_a_bar_over_the_eyes_hides_them(sitting: Callable[[str], Sitting], name: str, colour: tuple[int, int, int]):
    one = sitting(name)
    middle = (one.eyes[0] + one.eyes[1]) / 2

    reasons = one.judged(one.with_shapes([one.bar(middle, 0.8, 0.25)], colour)).reasons

    assert {Reason.EYES_HIDDEN, Reason.COVERED} & set(reasons)


@pytest.mark.parametrize("name", PORTRAITS)
@pytest.mark.parametrize("colour", [(150, 185, 215), (225, 225, 222), (28, 28, 30)], ids=["blue", "white", "black"])
def test_a_mask_hides_the_mouth(sitting: Callable[[str], Sitting], name: str, colour: tuple[int, int, int]):
    one = sitting(name)

    quality = one.judged(one.with_shapes([one.points[list(JAW)]], colour))

    assert Reason.MOUTH_HIDDEN in quality.reasons


@pytest.mark.parametrize("name", PORTRAITS)
def test_upright_fingers_in_the_colour_of_the_skin_hide_the_mouth(sitting: Callable[[str], Sitting], name: str):
    one = sitting(name)
    mouth = one.points[list(OUTER_LIPS)].mean(axis=0)
    height, width = one.image.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    cheek = one.points[50].astype(int)
    skin = np.median(one.image[cheek[1] - 3 : cheek[1] + 4, cheek[0] - 3 : cheek[0] + 4], axis=(0, 1))
    shade = 0.7 + 0.3 * np.abs(np.cos((columns - mouth[0]) / one.apart * 10))
    hand = np.abs(columns - mouth[0]) < 0.6 * one.apart
    hand &= np.abs(rows - mouth[1]) < 0.3 * one.apart
    drawn = np.where(hand[..., None], np.clip(skin * shade[..., None], 0, 255), one.image).astype(np.uint8)

    assert {Reason.MOUTH_HIDDEN, Reason.COVERED} & set(one.judged(drawn).reasons)


@pytest.mark.parametrize("name", PORTRAITS)
@pytest.mark.parametrize("side", [0, 1])
def test_a_hand_over_one_eye_in_the_colour_of_the_skin_hides_it(
    sitting: Callable[[str], Sitting], name: str, side: int
):
    one = sitting(name)
    eye = one.eyes[side]
    rows, columns = np.mgrid[0 : one.image.shape[0], 0 : one.image.shape[1]]
    cheek = one.points[50].astype(int)
    skin = np.median(one.image[cheek[1] - 3 : cheek[1] + 4, cheek[0] - 3 : cheek[0] + 4], axis=(0, 1))
    across = (rows - eye[1]) / one.apart * math.pi / 0.24  # four fingers, each a quarter of the eyes' distance wide
    hand = (np.abs(columns - eye[0]) < 0.5 * one.apart) & (np.abs(rows - eye[1]) < 0.48 * one.apart)
    shaded = np.clip(skin * (0.8 + 0.2 * np.abs(np.sin(across)))[..., None], 0, 255)
    drawn = np.where(hand[..., None], shaded, one.image).astype(np.uint8)

    assert {Reason.EYES_HIDDEN, Reason.COVERED} & set(one.judged(drawn).reasons)


def test_painted_lids_are_shut(sitting: Callable[[str], Sitting]):
    one = sitting("astronaut")
    assert one.pipeline.mesh is not None
    eyes = one.pipeline.mesh.eyes(one.image, one.mesh)
    drawn = one.image.copy()
    for eye in eyes:
        skin = one.image[tuple(eye.contour[40].round().astype(int)[::-1])]
        cv2.fillPoly(drawn, [cv2.convexHull(eye.contour[:16].round().astype(np.int32))], skin.tolist())

    shut = one.judged(drawn).figures.eyes_open

    assert shut is not None
    assert shut < 0.7 * (one.judged(one.image).figures.eyes_open or 0.0)


def test_a_speaking_mouth_is_more_open_than_a_silent_one(sitting: Callable[[str], Sitting]):
    speaking, silent = (sitting(name).judged(sitting(name).image).figures.mouth_open for name in ("obama2", "biden"))

    assert speaking is not None
    assert silent is not None
    assert speaking > 0.15 > 0.05 > silent


def test_light_from_one_side_is_uneven(sitting: Callable[[str], Sitting]):
    one = sitting("obama3")
    across = np.arange(one.image.shape[1])[None, :, None]
    middle = float(one.points[1, 0])
    fall = np.clip(0.6 + (across - middle) / one.apart, 0.2, 1.0)

    quality = one.judged((one.image * fall).astype(np.uint8))

    assert Reason.UNEVENLY_LIT in quality.reasons
    assert (quality.figures.uniformity or 0.0) < (one.judged(one.image).figures.uniformity or 0.0)


@given(yaw=st.floats(-40, 40), pitch=st.floats(-30, 30), roll=st.floats(-40, 40))
def test_the_pose_of_a_turned_mesh_is_the_turn(yaw: float, pitch: float, roll: float):
    points = np.zeros((468, 3))
    points[[33, 133, 362, 263]] = [[-45, -20, 5], [-15, -20, 5], [15, -20, 5], [45, -20, 5]]
    lean = math.radians(4.0)
    points[10], points[152] = (
        [0, -80 * math.cos(lean), -80 * math.sin(lean)],
        [0, 80 * math.cos(lean), 80 * math.sin(lean)],
    )
    a, b, c = (math.radians(angle) for angle in (yaw, pitch, roll))
    about_y = np.array([[math.cos(a), 0, -math.sin(a)], [0, 1, 0], [math.sin(a), 0, math.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    about_z = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    turned = points @ (about_y @ about_x).T

    measured = pose(Mesh(np.asarray(turned, dtype=np.float32), 40.0))
    tilted = pose(Mesh(np.asarray(points @ about_z.T, dtype=np.float32), 40.0))

    assert measured[:2] == pytest.approx((yaw, pitch), abs=0.1)
    assert tilted[2] == pytest.approx(roll, abs=0.1)


def test_without_the_networks_the_figures_are_missing_and_named(pipeline: Pipeline, picture: Callable[[str], Picture]):
    image = picture("obama")
    bare = replace(pipeline, mesh=None)

    quality = bare.faces(image_of(image), ENROLMENT)[0].quality

    assert quality.reasons == ()
    assert set(quality.unmeasured) == set(DENSE)
    assert all(getattr(quality.figures, name) is None for name in DENSE)


def test_the_screen_takes_no_time_for_dense_landmarks(pipeline: Pipeline, picture: Callable[[str], Picture]):
    quality = pipeline.faces(image_of(picture("obama")), SCREEN)[0].quality

    assert not SCREEN.dense
    assert quality.unmeasured == ()
    assert quality.figures.evidence is None


def test_where_the_mesh_sees_no_face_nothing_is_measured_from_its_places(sitting: Callable[[str], Sitting]):
    one = sitting("obama")
    noise = np.random.default_rng(4).integers(0, 255, one.image.shape, dtype=np.uint8)

    quality = one.judged(noise)

    assert Reason.COVERED in quality.reasons
    assert "eyes_visible" in quality.unmeasured
    assert (quality.figures.evidence or 0.0) < 0.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pitch": -26.0}, Reason.TURNED),
        ({"pitch": 26.0}, Reason.TURNED),
        ({"uniformity": 0.04}, Reason.UNEVENLY_LIT),
        ({"eyes_open": 0.02}, Reason.EYES_CLOSED),
        ({"mouth_open": 0.23}, Reason.MOUTH_OPEN),
        ({"eyes_visible": 0.29}, Reason.EYES_HIDDEN),
        ({"mouth_visible": 0.44}, Reason.MOUTH_HIDDEN),
        ({"evidence": 19.0}, Reason.COVERED),
    ],
)
def test_each_dense_figure_has_its_rule(change: dict[str, float], reason: Reason):
    assert failed(FULL, ENROLMENT) == ()
    assert failed(replace(FULL, **change), ENROLMENT) == (reason,)
    assert failed(replace(FULL, **change), SCREEN) == ()
    assert failed(replace(FULL, **dict.fromkeys(change)), ENROLMENT) == ()
    assert unmeasured(replace(FULL, **dict.fromkeys(change)), ENROLMENT) == tuple(change)


def test_every_figure_belongs_to_a_rule_and_every_rule_to_a_reason():
    assert {name for rule in RULES for name in rule.figures} == set(Figures.__dataclass_fields__)
    assert {rule.reason for rule in RULES} == set(Reason) - {Reason.DEGENERATE}


def image_of(picture: Picture) -> Frame:
    return from_rgb(np.array(picture))


def test_the_mesh_is_loaded_with_the_pipeline(pipeline: Pipeline):
    assert isinstance(pipeline.mesh, FaceMesh)
