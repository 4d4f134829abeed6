"""Several looks at one face: the pulse, the motion, and the made videos they are held to."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceid.image import decode
from faceid.liveness.capture import Capture, Look
from faceid.liveness.detector import LIFELESS, LivenessDetector
from faceid.liveness.fusion import UNFITTED, limited, probability
from faceid.liveness.method import Evidence
from faceid.liveness.motion import Motion, hoof, residual
from faceid.liveness.policy import ENROLMENT, SCREEN, Policy
from faceid.liveness.pulse import Pulse, pos
from faceid.liveness.sitter import SIGNATURE, Moment, Sitter
from faceid.liveness.videos import Film, live, replayed, still, waved
from faceid.pipeline import Pipeline

SECONDS, RATE = 5.0, 12.0

UNSEEN = {
    "volt": "django-admin-volt/django-admin-volt-1.0.17/admin_volt/static/assets/img/team/profile-picture-1.jpg",
    "pixel": "django_theme_pixel/django_theme_pixel-1.0.7/theme_pixel/static/assets/img/team/profile-picture-2.jpg",
}
"""The first portraits of two packages, on whose films nothing was chosen."""

Kind = Callable[[str, str], Capture]


@pytest.fixture(scope="module")
def sitters(
    picture: Callable[[str], NDArray[np.uint8]], carriers_dir: Path, pipeline: Pipeline
) -> Callable[[str], Sitter]:
    """Prepare a photograph: its upper square, 400 pixels."""

    @cache
    def prepare(name: str) -> Sitter:
        photograph = decode((carriers_dir / UNSEEN[name]).read_bytes()) if name in UNSEEN else picture(name)
        side = min(photograph.shape[:2])
        small = np.asarray(cv2.resize(photograph[:side, :side], (400, 400), interpolation=cv2.INTER_AREA), np.uint8)
        return Sitter.of(small, _eyes(pipeline, small))

    return prepare


def _eyes(pipeline: Pipeline, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pipeline.detector.faces(image)[0].landmarks


@pytest.fixture(scope="module")
def captured(sitters: Callable[[str], Sitter], pipeline: Pipeline) -> Kind:
    """Film somebody or a picture of them, once per module."""
    made: dict[tuple[str, str], Capture] = {}

    def film(name: str, kind: str) -> Film:
        sitter = sitters(name)
        match kind:
            case "person":
                return live(sitter, seconds=SECONDS, rate=RATE, beats=84, seed=3)
            case "still":
                return still(sitter.image, seconds=SECONDS, rate=RATE, seed=3)
            case "waved":
                return waved(sitter.image, seconds=SECONDS, rate=RATE, seed=3)
            case "slowly waved":
                return waved(sitter.image, seconds=SECONDS, rate=RATE, vigour=0.25, seed=3)
        return replayed(live(sitter, seconds=SECONDS, rate=RATE, beats=84, seed=3))

    def capture(name: str, kind: str) -> Capture:
        if (name, kind) not in made:
            made[name, kind] = film(name, kind).capture(pipeline.detector)
        return made[name, kind]

    return capture


CHOSEN_ON = ["obama", "astronaut"]
"""On films of photographs of these people the constants of both methods were chosen."""

PEOPLE = CHOSEN_ON + list(UNSEEN)
PICTURES = ["still", "waved", "slowly waved"]
Told = Callable[[str, str], dict[str, Evidence]]


@pytest.fixture(scope="module")
def detector(models_dir: Path) -> LivenessDetector:
    return LivenessDetector.load(models_dir)


@pytest.fixture(scope="module")
def told(captured: Kind, detector: LivenessDetector) -> Told:
    """Ask every method for its evidence on a film, once per module."""
    made: dict[tuple[str, str], dict[str, Evidence]] = {}

    def tell(name: str, kind: str) -> dict[str, Evidence]:
        if (name, kind) not in made:
            made[name, kind] = {one.method: one for one in detector.evidence(captured(name, kind))}
        return made[name, kind]

    return tell


@pytest.mark.parametrize("name", PEOPLE)
def test_a_person_has_a_pulse_that_is_the_persons_and_moves_otherwise_than_a_plane(told: Told, name: str) -> None:
    found = told(name, "person")

    assert found["pulse"].score > 1.0
    assert dict(found["pulse"].figures)["beats"] == pytest.approx(84, abs=6)
    assert found["motion"].score > 1.0


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("name", PEOPLE)
def test_a_picture_has_no_pulse_and_moves_as_a_plane_or_not_at_all(told: Told, name: str, kind: str) -> None:
    found = told(name, kind)

    assert found["pulse"].score < -0.3
    assert found["motion"].score < -0.5


@pytest.mark.parametrize("policy", [SCREEN, ENROLMENT], ids=["screen", "enrolment"])
@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("name", PEOPLE)
def test_a_film_of_a_picture_fails_however_alive_its_surface_looks(
    told: Told, detector: LivenessDetector, name: str, kind: str, policy: Policy
) -> None:
    found = told(name, kind)
    flawless = [Evidence(one.name, 6.0) for one in detector.bundle.stills]

    verdicts = [
        detector.verdict(evidence, policy)
        for evidence in (list(found.values()), [*flawless, found["motion"], found["pulse"]])
    ]

    assert [verdict.live for verdict in verdicts] == [False, False]
    assert all(LIFELESS in verdict.reasons for verdict in verdicts)
    assert detector.verdict(flawless, policy).live


@pytest.mark.parametrize("name", PEOPLE)
def test_a_film_of_a_person_passes_and_is_scored_as_if_nothing_asked_for_life(
    told: Told, detector: LivenessDetector, name: str
) -> None:
    found = told(name, "person")
    fusion = detector.bundle.fusion
    weights = dict(fusion.weights)

    verdict = detector.verdict(list(found.values()), SCREEN)

    assert verdict.live
    odds = sum(weights.get(method, UNFITTED) * limited(one.score) for method, one in found.items())
    assert verdict.score == pytest.approx(probability(fusion.bias + odds))


def test_a_replayed_video_keeps_pulse_and_motion_so_that_other_methods_must_find_it(captured: Kind) -> None:
    capture = captured("obama", "replayed")

    scores = [evidence.score for method in (Pulse(), Motion()) if (evidence := method.judge(capture))]

    assert len(scores) == 2
    assert min(scores) > 0.0


@pytest.mark.parametrize("method", [Pulse(), Motion()], ids=["pulse", "motion"])
def test_too_short_a_capture_is_not_judged(captured: Kind, method: Pulse | Motion) -> None:
    looks = captured("obama", "still").looks

    assert method.judge(Capture(looks[:1])) is None
    assert method.judge(Capture(looks[:7])) is None
    assert method.judge(Capture(looks[:50:10])) is None


def test_a_slow_camera_shows_no_pulse(captured: Kind) -> None:
    looks = captured("obama", "person").looks

    assert Pulse().judge(Capture(looks[::2])) is None


def test_faces_without_a_plane_are_not_judged(captured: Kind) -> None:
    flat = [_collinear(look) for look in captured("obama", "still").looks]

    assert Pulse().judge(Capture(tuple(flat))) is None
    assert Motion().judge(Capture(tuple(flat))) is None


def _collinear(look: Look) -> Look:
    points = np.linspace([10, 10], [90, 90], 5).astype(np.float32)
    return Look(look.image, replace(look.face, landmarks=points), look.at)


def test_pos_finds_a_pulse_under_changing_light() -> None:
    times = np.arange(0, 10, 0.1)
    beat = np.sin(2 * np.pi * 1.2 * times)
    light = 1.0 + 0.2 * np.sin(2 * np.pi * 0.9 * times)
    colours = np.array([180.0, 130.0, 100.0]) * light[:, None] * (1.0 - 0.01 * beat[:, None] * SIGNATURE)

    found = pos(colours, 10.0)

    assert abs(np.corrcoef(found[10:-10], beat[10:-10])[0, 1]) > 0.99


def test_a_homography_explains_its_own_flow_and_not_a_blink() -> None:
    points = np.stack(np.meshgrid(np.arange(0, 80, 4.0), np.arange(0, 80, 4.0)), axis=-1).reshape(-1, 2)
    matrix = np.array([[1.02, 0.03, 2.0], [-0.02, 0.97, 1.0], [2e-4, -1e-4, 1.0]])
    target = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ matrix.T
    flow = target[:, :2] / target[:, 2:] - points
    blink = np.where(np.hypot(*(points - (20, 30)).T)[:, None] < 8, (0.0, 3.0), (0.0, 0.0))

    assert np.abs(residual(points, flow)).max() < 1e-6
    assert np.abs(residual(points, flow + blink)).max() > 1.5


def test_histograms_of_flow_weigh_by_speed_and_know_no_left_and_right() -> None:
    right, left = np.array([[3.0, 0.0]] * 4), np.array([[-3.0, 0.0]] * 4)
    noise = np.full((50, 2), 0.1)

    assert np.array_equal(hoof(right), hoof(left))
    assert hoof(right).sum() == pytest.approx(1.0)
    assert np.array_equal(hoof(np.concatenate([right, noise])), hoof(right))
    assert not hoof(noise).any()


def test_a_sitter_who_does_nothing_is_the_photograph(sitters: Callable[[str], Sitter]) -> None:
    sitter = sitters("obama")

    assert np.abs(sitter.frame(Moment()) - sitter.image).max() <= 1.0


def test_a_turn_moves_the_nose_more_than_the_eyes_and_leaves_the_room(
    sitters: Callable[[str], Sitter], pipeline: Pipeline
) -> None:
    sitter = sitters("obama")

    turned = np.asarray(sitter.frame(Moment(yaw=30)), dtype=np.uint8)

    steps = _eyes(pipeline, turned)[:, 0] - sitter.landmarks[:, 0]
    assert steps[2] > steps[:2].mean() > 0
    assert np.abs(turned[:20, :20].astype(int) - sitter.image[:20, :20]).max() <= 3


def test_light_from_before_the_face_reaches_the_face_most(sitters: Callable[[str], Sitter]) -> None:
    sitter = sitters("biden")
    dark, lit = sitter.frame(Moment()), sitter.frame(Moment(light=(0.3, 0.0, 0.0)))

    gain = lit[..., 0].astype(float) / np.maximum(dark[..., 0], 1.0)

    nose = sitter.landmarks[2].astype(int)
    assert gain[nose[1], nose[0]] == pytest.approx(1.3 ** (1 / 2.2), abs=0.01)
    assert gain[5, 5] == pytest.approx(1.045 ** (1 / 2.2), abs=0.01)
    assert np.allclose(lit[..., 1:], dark[..., 1:])
