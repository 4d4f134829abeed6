"""How good a face is: measured figures, thresholds per use, and reason codes that say what to change."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from faceid.align import SIDE, similarity
from faceid.appearance import Portrait, eyes_visible, mouth_visible, uniformity
from faceid.detect import Face
from faceid.errors import NoFace, SeveralFaces
from faceid.mesh import FaceMesh
from faceid.rules import Figures, Profile, Reason, failed, unmeasured
from faceid.shape import eyes_open, mouth_open, pose

_INNER = slice(20, 100)
"""The part of the 112 x 112 crop that is face on everybody, without hair and background."""

_GRID = np.stack(np.meshgrid(np.linspace(0, SIDE - 1, 28), np.linspace(0, SIDE - 1, 28))).reshape(2, -1)
"""Sample points of the crop, pixels, shape (2, 784)."""

_BLACK, _WHITE = 25, 245
_NOSE_REACH = 0.55
"""How far the nose tip stands out of the plane of the eyes, in eye distances, averaged over adults' faces."""


ENROLMENT = Profile(
    name="enrolment",
    score=0.8,
    visible=0.98,
    eye_distance=36.0,
    yaw=25.0,
    roll=25.0,
    brightness=50.0,
    black=0.40,
    white=0.20,
    sharpness=0.04,
    pitch=25.0,
    uniformity=0.05,
    eyes_open=0.025,
    mouth_open=0.22,
    eyes_visible=0.30,
    mouth_visible=0.45,
    evidence=20.0,
)
"""Strict: a template is used for months, and the person is there to try again."""

SCREEN = Profile(
    name="screen",
    score=0.7,
    visible=0.60,
    eye_distance=16.0,
    yaw=45.0,
    roll=45.0,
    brightness=25.0,
    black=0.75,
    white=0.50,
    sharpness=0.015,
)
"""Light: a viewer walks by, and a missed frame is followed by the next. No dense landmarks: they take time."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of one face and the reasons, in order of what to change first, that make it unusable under a profile."""

    figures: Figures
    profile: Profile
    reasons: tuple[Reason, ...]

    @property
    def usable(self) -> bool:
        """Whether nothing speaks against the face; see :attr:`unmeasured` for what nobody could look at."""
        return not self.reasons

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Names of figures the profile asks for that could not be measured: the networks for them are not installed."""
        return unmeasured(self.figures, self.profile)


def measure(
    image: NDArray[np.uint8],
    face: Face,
    crop: NDArray[np.uint8] | None,
    profile: Profile,
    mesh: FaceMesh | None = None,
) -> Quality:
    """Measure one face and judge it.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        face: where the face is in ``image``.
        crop: the aligned face, RGB, uint8, shape (112, 112, 3); None where it cannot be aligned.
        profile: thresholds.
        mesh: finds dense landmarks, where the profile asks for figures that need them; None where not installed.

    Returns:
        The figures, in the units that :class:`faceid.rules.Figures` names (shares of 0 to 1, pixels, degrees, luma of 0
        to 255; None for what was not looked at), and the reasons why the profile refuses the face, in the order in
        which to mend them; none where it is usable. A face that cannot be aligned is refused, too, without an error.
    """
    figures = _figures(image, face, crop)
    if mesh is not None and profile.dense and crop is not None:
        figures = _densely(figures, image, face, mesh)
    degenerate = (Reason.DEGENERATE,) if crop is None else ()
    return Quality(figures, profile, degenerate + failed(figures, profile))


class Judged(Protocol):
    """Anything that carries the quality of one face."""

    @property
    def quality(self) -> Quality:
        """What was measured."""
        ...


One = TypeVar("One", bound=Judged)


def only(found: Sequence[One]) -> One:
    """Pick the one person of an enrolment picture; somebody far in the background does not count.

    Args:
        found: the faces of the picture, largest first.

    Returns:
        The only face that a screen would accept, or where it would accept none, the largest one.

    Raises:
        NoFace, SeveralFaces: nobody, or more than one person.
    """
    counted = [one for one in found if not failed(one.quality.figures, SCREEN)] or found[:1]
    if not counted:
        raise NoFace(
            "There is no face in the picture.",
            expected="exactly one person, facing the camera.",
            remedy="Step in front of the camera and take the picture again.",
        )
    if len(counted) > 1:
        raise SeveralFaces(
            f"There are {len(counted)} faces in the picture.",
            expected="exactly one person.",
            remedy="Let one person stand before the camera alone.",
        )
    return counted[0]


def _figures(image: NDArray[np.uint8], face: Face, crop: NDArray[np.uint8] | None) -> Figures:
    yaw, roll = _pose(face.landmarks.astype(np.float64))
    inner = np.zeros((80, 80), dtype=np.uint8) if crop is None else _luma(crop)[_INNER, _INNER]
    return Figures(
        score=face.score,
        visible=_visible(image, face, crop is not None),
        eye_distance=face.eye_distance,
        yaw=yaw,
        roll=roll,
        brightness=float(np.median(inner)),
        black=float((inner < _BLACK).mean()),
        white=float((inner > _WHITE).mean()),
        sharpness=_sharpness(inner),
    )


def _densely(figures: Figures, image: NDArray[np.uint8], face: Face, mesh: FaceMesh) -> Figures:
    """Add what dense landmarks show. Where they see no face, pose and all that follows from places mean nothing."""
    surface = mesh.points(image, face)
    if surface.evidence < 0.0:
        return replace(figures, evidence=surface.evidence)
    eyes = mesh.eyes(image, surface)
    portrait = Portrait.of(image, surface, eyes)
    yaw, pitch, roll = pose(surface)
    return replace(
        figures,
        eye_distance=figures.eye_distance / max(math.cos(math.radians(yaw)), 0.5),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        uniformity=uniformity(portrait),
        eyes_open=eyes_open(surface, eyes),
        mouth_open=mouth_open(surface),
        eyes_visible=eyes_visible(portrait),
        mouth_visible=mouth_visible(portrait),
        evidence=surface.evidence,
    )


def _luma(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _sharpness(luma: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al., ICPR 2000) relative to contrast, so that light cancels out."""
    detail = cv2.Laplacian(luma, cv2.CV_32F, ksize=1)
    return float(detail.var() / max(float(luma.var()), 1.0))


def _visible(image: NDArray[np.uint8], face: Face, aligned: bool) -> float:
    """Measure the share of the crop that lies in the picture; the detector fits its box into it, which says nothing."""
    if not aligned:
        return 0.0
    height, width = image.shape[:2]
    matrix = similarity(face.landmarks)
    places = np.linalg.solve(matrix[:, :2], _GRID - matrix[:, 2:])
    inside = (places >= 0.0).all(axis=0) & (places[0] <= width - 1) & (places[1] <= height - 1)
    return float(inside.mean())


def _pose(landmarks: NDArray[np.float64]) -> tuple[float, float]:
    """Estimate yaw and roll in degrees from the five landmarks, taking the nose as a pin on the plane of the eyes."""
    left, right, nose = landmarks[0], landmarks[1], landmarks[2]
    axis = right - left
    roll = math.degrees(math.atan2(axis[1], axis[0]))
    distance = max(float(np.hypot(*axis)), 1e-6)
    offset = float((nose - (left + right) / 2) @ axis) / distance**2
    return math.degrees(math.atan2(offset, _NOSE_REACH)), roll
