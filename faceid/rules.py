"""The rules a face must keep to be used: what each measures, when it is broken, and what to tell the person."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from faceid.errors import (
    DegenerateLandmarks,
    FaceBlurred,
    FaceCutOff,
    FaceOverexposed,
    FaceRefused,
    FaceTooDark,
    FaceTooSmall,
    FaceTurned,
    FaceUnclear,
)


class Reason(StrEnum):
    """Why a face cannot be used; the values are the codes of the errors of the same meaning."""

    DEGENERATE = DegenerateLandmarks.code
    UNCLEAR = FaceUnclear.code
    CUT_OFF = FaceCutOff.code
    TOO_SMALL = FaceTooSmall.code
    TURNED = FaceTurned.code
    TOO_DARK = FaceTooDark.code
    OVEREXPOSED = FaceOverexposed.code
    BLURRED = FaceBlurred.code


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on one face.

    Attributes:
        score: certainty of the detector, 0 to 1.
        visible: share of the face's aligned crop that lies in the picture, 0 to 1.
        eye_distance: pixels.
        yaw: turn to the side estimated from the nose's place between the eyes, degrees, 0 is frontal; an estimate
            good for refusing profiles, not for measuring heads.
        roll: tilt of the line through the eyes, degrees, 0 is upright.
        brightness: median luma of the inner face, 0 to 255.
        black, white: share of the inner face that is darker than 25 or lighter than 245, 0 to 1.
        sharpness: variance of the Laplacian of the inner face over the variance of its luma; 0 is a flat blur.
    """

    score: float
    visible: float
    eye_distance: float
    yaw: float
    roll: float
    brightness: float
    black: float
    white: float
    sharpness: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Thresholds of one use; units as in :class:`Figures`."""

    name: str
    score: float
    visible: float
    eye_distance: float
    yaw: float
    roll: float
    brightness: float
    black: float
    white: float
    sharpness: float


@dataclass(frozen=True, slots=True)
class _Rule:
    reason: Reason
    error: type[FaceRefused]
    broken: Callable[[Figures, Profile], bool]
    happened: Callable[[Figures], str]
    expected: Callable[[Profile], str]
    remedy: str


# In the order in which a person can mend things.
_RULES = (
    _Rule(
        Reason.UNCLEAR,
        FaceUnclear,
        lambda figures, profile: figures.score < profile.score,
        lambda figures: f"The detector is only {figures.score:.0%} sure that this is a face.",
        lambda profile: f"at least {profile.score:.0%}.",
        "Uncover the face and look at the camera.",
    ),
    _Rule(
        Reason.CUT_OFF,
        FaceCutOff,
        lambda figures, profile: figures.visible < profile.visible,
        lambda figures: f"Only {figures.visible:.0%} of the face is in the picture.",
        lambda profile: f"at least {profile.visible:.0%}.",
        "Move to the middle of the picture.",
    ),
    _Rule(
        Reason.TOO_SMALL,
        FaceTooSmall,
        lambda figures, profile: figures.eye_distance < profile.eye_distance,
        lambda figures: f"The eyes are {figures.eye_distance:.0f} pixels apart.",
        lambda profile: f"at least {profile.eye_distance:.0f} pixels.",
        "Come closer to the camera.",
    ),
    _Rule(
        Reason.TURNED,
        FaceTurned,
        lambda figures, profile: abs(figures.yaw) > profile.yaw or abs(figures.roll) > profile.roll,
        lambda figures: f"The head is turned by {figures.yaw:.0f} and tilted by {figures.roll:.0f} degrees.",
        lambda profile: f"at most {profile.yaw:.0f} and {profile.roll:.0f} degrees.",
        "Look straight into the camera.",
    ),
    _Rule(
        Reason.TOO_DARK,
        FaceTooDark,
        lambda figures, profile: figures.brightness < profile.brightness or figures.black > profile.black,
        lambda figures: f"The face is too dark: brightness {figures.brightness:.0f}, {figures.black:.0%} black.",
        lambda profile: f"brightness of at least {profile.brightness:.0f} and at most {profile.black:.0%} black.",
        "Turn towards the light.",
    ),
    _Rule(
        Reason.OVEREXPOSED,
        FaceOverexposed,
        lambda figures, profile: figures.white > profile.white,
        lambda figures: f"{figures.white:.0%} of the face is over-exposed.",
        lambda profile: f"at most {profile.white:.0%}.",
        "Step out of the direct light.",
    ),
    _Rule(
        Reason.BLURRED,
        FaceBlurred,
        lambda figures, profile: figures.sharpness < profile.sharpness,
        lambda figures: f"The face is blurred: sharpness {figures.sharpness:.3f}.",
        lambda profile: f"at least {profile.sharpness:.3f}.",
        "Hold still, and clean the lens.",
    ),
)


def failed(figures: Figures, profile: Profile) -> tuple[Reason, ...]:
    """Name the rules that figures break under a profile, in the order in which a person can mend things."""
    return tuple(rule.reason for rule in _RULES if rule.broken(figures, profile))


def refusal(reason: Reason, figures: Figures, profile: Profile) -> FaceRefused:
    """Make the error that tells a person about a broken rule."""
    if reason is Reason.DEGENERATE:
        return DegenerateLandmarks(
            "The five landmarks lie on one line.",
            expected="two eyes, a nose and two mouth corners that span a plane.",
            remedy="Take the picture again with the face towards the camera.",
        )
    rule = next(rule for rule in _RULES if rule.reason is reason)
    return rule.error(rule.happened(figures), expected=rule.expected(profile), remedy=rule.remedy)
