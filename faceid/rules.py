"""The rules a face must keep to be used: what each measures, when it is broken, and what to tell the person."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum

from faceid.errors import (
    DegenerateLandmarks,
    EyesClosed,
    EyesHidden,
    FaceBlurred,
    FaceCovered,
    FaceCutOff,
    FaceOverexposed,
    FaceRefused,
    FaceTooDark,
    FaceTooSmall,
    FaceTurned,
    FaceUnclear,
    FaceUnevenlyLit,
    MouthHidden,
    MouthOpen,
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
    COVERED = FaceCovered.code
    EYES_HIDDEN = EyesHidden.code
    MOUTH_HIDDEN = MouthHidden.code
    EYES_CLOSED = EyesClosed.code
    MOUTH_OPEN = MouthOpen.code
    UNEVENLY_LIT = FaceUnevenlyLit.code


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on one face; the components in quotation marks are those of ISO/IEC 29794-5:2025.

    The figures with None were not measured: they need dense landmarks, which the profile did not ask for or which are
    not installed.

    Attributes:
        score: certainty of the detector, 0 to 1.
        visible: share of the face's aligned crop that lies in the picture, 0 to 1: "crop of the face image".
        eye_distance: pixels, over the cosine of yaw where dense landmarks give it: "inter-eye distance".
        yaw: turn to the side, degrees, 0 is frontal: "head pose". From the five landmarks, the nose's place between the
            eyes, an estimate good for refusing profiles, not for measuring heads; from dense landmarks where measured.
        roll: tilt of the line through the eyes, degrees, 0 is upright.
        brightness: median luma of the inner face, 0 to 255: "luminance".
        black, white: share of the inner face that is darker than 25 or lighter than 245, 0 to 1: "under-exposure
            prevention" and "over-exposure prevention".
        sharpness: variance of the Laplacian of the inner face over the variance of its luma; 0 is a flat blur.
        pitch: degrees, positive looking down: "head pose".
        uniformity: overlap of the histograms of both cheeks, 0 to 1: "illumination uniformity".
        eyes_open: lids' distance of the narrower eye over the face's length; 0 is shut: "eyes open".
        mouth_open: lips' distance over the face's length; 0 is closed: "mouth closed".
        eyes_visible: 0 to 1, weakest sign that both eyes can be seen: "eyes visible".
        mouth_visible: 0 to 1, weakest sign that the mouth can be seen: "mouth occlusion prevention".
        evidence: log-odds of the dense landmarks' network that it sees a face; about 40, less when much is covered:
            "face occlusion prevention".
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
    pitch: float | None = None
    uniformity: float | None = None
    eyes_open: float | None = None
    mouth_open: float | None = None
    eyes_visible: float | None = None
    mouth_visible: float | None = None
    evidence: float | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """Thresholds of one use; units as in :class:`Figures`. None: this use does not ask for the figure."""

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
    pitch: float | None = None
    uniformity: float | None = None
    eyes_open: float | None = None
    mouth_open: float | None = None
    eyes_visible: float | None = None
    mouth_visible: float | None = None
    evidence: float | None = None

    @property
    def dense(self) -> bool:
        """Whether a figure is asked for that needs dense landmarks."""
        return any(getattr(self, name) is not None for name in DENSE)


DENSE = tuple(field.name for field in fields(Figures) if field.default is None)
"""Names of the figures that need dense landmarks."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong with a face.

    Attributes:
        reason: its code.
        figures: names of the figures it looks at.
        broken: whether figures break it under a profile; a figure that was not measured breaks nothing.
        happened, expected: plain sentences with the figures and the thresholds.
        remedy: what the person can do.
    """

    reason: Reason
    error: type[FaceRefused]
    figures: tuple[str, ...]
    broken: Callable[[Figures, Profile], bool]
    happened: Callable[[Figures], str]
    expected: Callable[[Profile], str]
    remedy: str


def _below(value: float | None, least: float | None) -> bool:
    return value is not None and least is not None and value < least


def _above(value: float | None, most: float | None) -> bool:
    return value is not None and most is not None and value > most


def _turned(figures: Figures, profile: Profile) -> bool:
    pitch = None if figures.pitch is None else abs(figures.pitch)
    return abs(figures.yaw) > profile.yaw or abs(figures.roll) > profile.roll or _above(pitch, profile.pitch)


def _direction(figures: Figures) -> str:
    nod = "" if figures.pitch is None else f" and nods by {figures.pitch:.0f}"
    return f"The head is turned by {figures.yaw:.0f}, tilted by {figures.roll:.0f}{nod} degrees."


def _directions(profile: Profile) -> str:
    nod = "" if profile.pitch is None else f" and {profile.pitch:.0f}"
    return f"at most {profile.yaw:.0f}, {profile.roll:.0f}{nod} degrees."


# In the order in which a person can mend things; a dark or blurred face shows little, so what it hides comes later.
RULES = (
    Rule(
        Reason.UNCLEAR,
        FaceUnclear,
        ("score",),
        lambda figures, profile: figures.score < profile.score,
        lambda figures: f"The detector is only {figures.score:.0%} sure that this is a face.",
        lambda profile: f"at least {profile.score:.0%}.",
        "Uncover the face and look at the camera.",
    ),
    Rule(
        Reason.CUT_OFF,
        FaceCutOff,
        ("visible",),
        lambda figures, profile: figures.visible < profile.visible,
        lambda figures: f"Only {figures.visible:.0%} of the face is in the picture.",
        lambda profile: f"at least {profile.visible:.0%}.",
        "Move to the middle of the picture.",
    ),
    Rule(
        Reason.TOO_SMALL,
        FaceTooSmall,
        ("eye_distance",),
        lambda figures, profile: figures.eye_distance < profile.eye_distance,
        lambda figures: f"The eyes are {figures.eye_distance:.0f} pixels apart.",
        lambda profile: f"at least {profile.eye_distance:.0f} pixels.",
        "Come closer to the camera.",
    ),
    Rule(
        Reason.TURNED,
        FaceTurned,
        ("yaw", "roll", "pitch"),
        _turned,
        _direction,
        _directions,
        "Look straight into the camera.",
    ),
    Rule(
        Reason.TOO_DARK,
        FaceTooDark,
        ("brightness", "black"),
        lambda figures, profile: figures.brightness < profile.brightness or figures.black > profile.black,
        lambda figures: f"The face is too dark: brightness {figures.brightness:.0f}, {figures.black:.0%} black.",
        lambda profile: f"brightness of at least {profile.brightness:.0f} and at most {profile.black:.0%} black.",
        "Turn towards the light.",
    ),
    Rule(
        Reason.OVEREXPOSED,
        FaceOverexposed,
        ("white",),
        lambda figures, profile: figures.white > profile.white,
        lambda figures: f"{figures.white:.0%} of the face is over-exposed.",
        lambda profile: f"at most {profile.white:.0%}.",
        "Step out of the direct light.",
    ),
    Rule(
        Reason.BLURRED,
        FaceBlurred,
        ("sharpness",),
        lambda figures, profile: figures.sharpness < profile.sharpness,
        lambda figures: f"The face is blurred: sharpness {figures.sharpness:.3f}.",
        lambda profile: f"at least {profile.sharpness:.3f}.",
        "Hold still, and clean the lens.",
    ),
    Rule(
        Reason.COVERED,
        FaceCovered,
        ("evidence",),
        lambda figures, profile: _below(figures.evidence, profile.evidence),
        lambda figures: f"Much of the face seems to be covered: evidence {figures.evidence or 0:.0f}.",
        lambda profile: f"evidence of at least {profile.evidence or 0:.0f}.",
        "Take off whatever covers the face, and keep the hands away from it.",
    ),
    Rule(
        Reason.EYES_HIDDEN,
        EyesHidden,
        ("eyes_visible",),
        lambda figures, profile: _below(figures.eyes_visible, profile.eyes_visible),
        lambda figures: f"An eye cannot be seen: visibility {figures.eyes_visible or 0:.2f}.",
        lambda profile: f"at least {profile.eyes_visible or 0:.2f}.",
        "Take off dark glasses, and brush hair and hands away from the eyes.",
    ),
    Rule(
        Reason.MOUTH_HIDDEN,
        MouthHidden,
        ("mouth_visible",),
        lambda figures, profile: _below(figures.mouth_visible, profile.mouth_visible),
        lambda figures: f"The mouth cannot be seen: visibility {figures.mouth_visible or 0:.2f}.",
        lambda profile: f"at least {profile.mouth_visible or 0:.2f}.",
        "Take off mask or scarf, and keep the hands away from the mouth.",
    ),
    Rule(
        Reason.EYES_CLOSED,
        EyesClosed,
        ("eyes_open",),
        lambda figures, profile: _below(figures.eyes_open, profile.eyes_open),
        lambda figures: f"An eye is shut: it is open by {figures.eyes_open or 0:.3f} of the face's length.",
        lambda profile: f"at least {profile.eyes_open or 0:.3f}.",
        "Open both eyes.",
    ),
    Rule(
        Reason.MOUTH_OPEN,
        MouthOpen,
        ("mouth_open",),
        lambda figures, profile: _above(figures.mouth_open, profile.mouth_open),
        lambda figures: f"The mouth is open by {figures.mouth_open or 0:.2f} of the face's length.",
        lambda profile: f"at most {profile.mouth_open or 0:.2f}.",
        "Close the mouth.",
    ),
    Rule(
        Reason.UNEVENLY_LIT,
        FaceUnevenlyLit,
        ("uniformity",),
        lambda figures, profile: _below(figures.uniformity, profile.uniformity),
        lambda figures: f"The light comes from one side: evenness {figures.uniformity or 0:.2f}.",
        lambda profile: f"evenness of at least {profile.uniformity or 0:.2f}.",
        "Turn so that the light falls on both sides of the face.",
    ),
)
"""Every rule but that of degenerate landmarks, which no figure shows."""


def failed(figures: Figures, profile: Profile) -> tuple[Reason, ...]:
    """Name the rules that figures break under a profile, in the order in which a person can mend things."""
    return tuple(rule.reason for rule in RULES if rule.broken(figures, profile))


def unmeasured(figures: Figures, profile: Profile) -> tuple[str, ...]:
    """Name the figures that a profile asks for and that could not be measured."""
    return tuple(name for name in DENSE if getattr(profile, name) is not None and getattr(figures, name) is None)


def refusal(reason: Reason, figures: Figures, profile: Profile) -> FaceRefused:
    """Make the error that tells a person about a broken rule."""
    if reason is Reason.DEGENERATE:
        return DegenerateLandmarks(
            "The five landmarks lie on one line.",
            expected="two eyes, a nose and two mouth corners that span a plane.",
            remedy="Take the picture again with the face towards the camera.",
        )
    rule = next(rule for rule in RULES if rule.reason is reason)
    return rule.error(rule.happened(figures), expected=rule.expected(profile), remedy=rule.remedy)
