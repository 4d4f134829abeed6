"""Judging the answer to an active challenge: was each step done, in time, by one and the same person?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from faceid.errors import DegenerateLandmarks
from faceid.frame import Frame, require
from faceid.liveness.answered import Answered
from faceid.liveness.capture import Look
from faceid.liveness.challenge import MOST_LOOKS, TURNS, Challenge, Step, StepKind
from faceid.liveness.lids import SHUT, openness
from faceid.liveness.method import Evidence
from faceid.liveness.reflection import Lit, lit, reflection
from faceid.liveness.refusal import Refusal
from faceid.match import THRESHOLD_PAIR
from faceid.mesh import FaceMesh
from faceid.pipeline import DetectedFace, Pipeline

TURN: Final = 10.0
"""Degrees, as five landmarks show them, that the head turns; a waved print shows up to 8.2 (made videos)."""

FRONTAL: Final = 7.0
"""Degrees within which a look counts as into the camera."""

NEARER: Final = 1.2
"""Growth of the distance between the eyes when somebody comes closer: from 60 to 50 centimetres."""

AGREEMENT: Final = 0.7
"""Least correlation of skin and flashes; random colours reach it six times in a thousand."""

STRENGTH: Final = 0.01
"""Least change of the skin's colour: one per cent of the light on it comes from the screen."""

BEHIND: Final = 0.8
"""Most of the skin's response that what is beside the head may show: a tint laid over the picture is everywhere."""

CHANCE: Final = 0.0064
"""Share of random colours that reach AGREEMENT: how often somebody who cannot see the flashes gets past them."""

METHOD: Final = "challenge"

LATENESS: Final = 1.0
"""Seconds by which looks may come after the last step."""

_LAGS: Final = (0.0, 0.1, 0.2, 0.3)
"""Seconds by which screen and camera may follow the clock."""

_LEAST_SHARE: Final = 0.6
"""Share of the looks a step asks for that must show a face."""

_NOSE_REACH: Final = 0.55
_ALONE: Final = 0.6
"""Another face whose eyes are at most this far apart, relative to the nearest one's, is somebody behind."""

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One look of an answer.

    Attributes:
        look: the nearest face; ``look.at`` counts from the moment the first step began.
        embedding: of that face, unit vector; None where it is too poor.
        alone: no other face as near.
    """

    look: Look
    embedding: Vector | None = field(repr=False)
    alone: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Looks in order of time, and the challenge they say they answer.

    Attributes:
        nonce, session: of the challenge.
        sent: how many looks were sent, with or without a face.
        seen: those that show a face.
    """

    nonce: str
    session: str
    sent: int
    seen: tuple[Seen, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class StepVerdict:
    """What one step showed; ``score`` is what was measured over what is asked, so that 1 is just enough."""

    kind: StepKind
    refusal: Refusal | None
    score: float

    @property
    def passed(self) -> bool:
        """Whether the step was done."""
        return self.refusal is None


@dataclass(frozen=True, slots=True)
class ChallengeVerdict:
    """What an answer is worth.

    Attributes:
        refusals: why it does not count, most basic first; empty when it passed.
        steps: each step, where the answer got that far.
        likeness: least cosine between the looks, or with the enrolment, -1 to 1; -1 where none could be compared.
    """

    refusals: tuple[Refusal, ...]
    steps: tuple[StepVerdict, ...] = ()
    likeness: float = -1.0

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against a living person who did what was asked."""
        return not self.refusals

    def evidence(self) -> Evidence:
        """Return what the answer says of liveness, to be joined with what the pictures say.

        A passed challenge speaks for a person as strongly as it is unlikely to pass its flashes by chance; what an
        attacker who sees them can do is not measured, which is why the fusion gives the method half weight. One that
        failed speaks against by as much.
        """
        odds = -math.log(CHANCE)
        return Evidence(METHOD, odds if self.passed else -odds, (("likeness", self.likeness),))


def observe(pipeline: Pipeline, frames: Sequence[Frame], times: Sequence[float], *, nonce: str, session: str) -> Answer:
    """Find the nearest face in every frame of an answer.

    Args:
        frames: at most 24.
        times: seconds since the first step began, one for each frame.

    Raises:
        ValueError: not one time for each frame, not in order, or more than 24.
    """
    if len(frames) != len(times) or len(frames) > MOST_LOOKS:
        raise ValueError(f"An answer has at most {MOST_LOOKS} frames and a time for each of them.")
    if any(not math.isfinite(at) for at in times) or any(later <= earlier for earlier, later in pairwise(times)):
        raise ValueError("The times of an answer are numbers in increasing order.")
    found = zip(frames, times, pipeline.batch(frames), strict=True)
    seen = tuple(_nearest(require(frame), at, faces) for frame, at, faces in found if faces)
    return Answer(nonce, session, len(frames), seen)


def _nearest(image: NDArray[np.uint8], at: float, faces: Sequence[DetectedFace]) -> Seen:
    ordered = sorted(faces, key=lambda one: one.face.eye_distance, reverse=True)
    alone = all(other.face.eye_distance < _ALONE * ordered[0].face.eye_distance for other in ordered[1:])
    return Seen(Look(image, ordered[0].face, at), ordered[0].embedding, alone)


def judge(
    challenge: Challenge,
    answer: Answer,
    at: datetime,
    *,
    enrolled: Vector | None = None,
    mesh: FaceMesh | None = None,
    answered: Answered | None = None,
) -> ChallengeVerdict:
    """Judge an answer; without ``answered`` whoever calls makes sure that a challenge is answered once only.

    Args:
        challenge: what was asked.
        answer: what came back.
        at: when it came back, with time zone.
        enrolled: the embedding that is to be enrolled, unit vector: it must be the same person.
        mesh: sees lids more closely, where it is installed.
        answered: remembers what was answered, for programs of one process: from this call on the challenge is.
    """
    if not challenge.is_answered_by(answer.nonce, answer.session):
        return ChallengeVerdict((Refusal.NOT_THIS_CHALLENGE,))
    used = None if answered is None else answered.use(challenge, at)
    if used:
        return ChallengeVerdict((used,))
    formal = _formal(challenge, answer, at)
    if formal:
        return ChallengeVerdict(formal)
    try:
        steps = tuple(_step(challenge, number, answer, mesh) for number in range(len(challenge.steps)))
    except DegenerateLandmarks:
        return ChallengeVerdict((Refusal.FACE_LOST,))
    likeness = _likeness(answer.seen, enrolled)
    changed = (Refusal.PERSON_CHANGED,) if likeness < THRESHOLD_PAIR else ()
    return ChallengeVerdict(changed + tuple(step.refusal for step in steps if step.refusal), steps, likeness)


def follows(step: Step, times: Sequence[float], seen: Lit) -> StepVerdict:
    """Judge whether a face followed the flashes, at the lag at which they agree best.

    Args:
        step: the flashes.
        times: of the looks, seconds since the step began.
        seen: in these looks.
    """
    tried = [reflection(seen, np.array([step.colour(at - lag).light for at in times])) for lag in _LAGS]
    best = max(tried, key=lambda one: one.agreement)
    if best.strength >= STRENGTH and best.behind is not None and best.behind > BEHIND * best.strength:
        return StepVerdict(step.kind, Refusal.REFLECTION_EVERYWHERE, best.agreement / AGREEMENT)
    score = min(best.agreement / AGREEMENT, best.strength / STRENGTH)
    return _verdict(step, score, Refusal.NO_REFLECTION)


def yaw(look: Look) -> float:
    """Estimate how far the nose is turned to the right of the picture, in degrees, from five landmarks."""
    left, right, nose = (point.astype(np.float64) for point in look.face.landmarks[:3])
    axis = right - left
    offset = float((nose - (left + right) / 2) @ axis) / max(float(axis @ axis), 1e-6)
    return math.degrees(math.atan2(offset, _NOSE_REACH))


def _formal(challenge: Challenge, answer: Answer, at: datetime) -> tuple[Refusal, ...]:
    """Find what speaks against an answer before anybody looks at it."""
    if at >= challenge.expires_at:
        return (Refusal.EXPIRED,)
    if at < challenge.drawn_at + timedelta(seconds=challenge.seconds):
        return (Refusal.TOO_EARLY,)
    times = [seen.look.at for seen in answer.seen]
    if times and (times[0] < 0.0 or times[-1] > challenge.seconds + LATENESS):
        return (Refusal.OUT_OF_TIME,)
    asked = sum(step.looks for step in challenge.steps)
    if answer.sent < _LEAST_SHARE * asked:
        return (Refusal.TOO_FEW_LOOKS,)
    counted = [len(_during(challenge, number, answer)) for number in range(len(challenge.steps))]
    if any(count < _LEAST_SHARE * step.looks for count, step in zip(counted, challenge.steps, strict=True)):
        return (Refusal.FACE_LOST,)
    return () if all(seen.alone for seen in answer.seen) else (Refusal.SEVERAL_FACES,)


def _during(challenge: Challenge, number: int, answer: Answer) -> list[int]:
    """Return the numbers of the looks taken during a step."""
    return [index for index, seen in enumerate(answer.seen) if challenge.step_at(seen.look.at) == number]


def _step(challenge: Challenge, number: int, answer: Answer, mesh: FaceMesh | None) -> StepVerdict:
    step, chosen = challenge.steps[number], _during(challenge, number, answer)
    others = [index for index in range(len(answer.seen)) if index not in chosen]
    looks = [seen.look for seen in answer.seen]
    match step.kind:
        case StepKind.FLASHES:
            times = [looks[index].at - challenge.begins(number) for index in chosen]
            return follows(step, times, lit([looks[index] for index in chosen]))
        case StepKind.CLOSE_EYES:
            shut = float(np.sort(openness(looks, others, mesh)[chosen])[0])
            return _verdict(step, (2.0 - shut) / (2.0 - SHUT), Refusal.EYES_NOT_CLOSED)
        case StepKind.COME_CLOSER:
            return _verdict(step, _growth(looks, chosen) / NEARER, Refusal.NOT_CLOSER)
        case StepKind.TURN_LEFT | StepKind.TURN_RIGHT:
            sign = 1.0 if step.kind is StepKind.TURN_LEFT else -1.0
            return _turn(step, sign * _turns(looks, _resting(challenge, answer))[chosen])


def _turn(step: Step, turns: NDArray[np.float64]) -> StepVerdict:
    """Judge a turn: from the front to the asked side and not to the other one first."""
    other = float(-turns.min()) >= TURN
    missing = float(turns.max()) < TURN or float(np.abs(turns).min()) > FRONTAL
    return StepVerdict(step.kind, Refusal.TURN_MISSING if other or missing else None, float(turns.max()) / TURN)


def _resting(challenge: Challenge, answer: Answer) -> list[int]:
    """Return the numbers of looks during steps in which nobody is asked to turn; there always is one: the flashes."""
    steps = [number for number, step in enumerate(challenge.steps) if step.kind not in TURNS]
    return [index for number in steps for index in _during(challenge, number, answer)]


def _turns(looks: Sequence[Look], resting: Sequence[int]) -> NDArray[np.float64]:
    """Return each look's yaw relative to how this person looks into the camera, degrees."""
    yaws = np.array([yaw(look) for look in looks])
    return np.asarray(yaws - np.median(yaws[list(resting)]), dtype=np.float64)


def _growth(looks: Sequence[Look], chosen: Sequence[int]) -> float:
    """Return how much the distance between the eyes grew during a step."""
    distances = np.array([looks[index].face.eye_distance for index in chosen])
    return float(distances.max() / max(float(distances[:2].min()), 1.0))


def _verdict(step: Step, score: float, refusal: Refusal) -> StepVerdict:
    return StepVerdict(step.kind, None if score >= 1.0 else refusal, score)


def _likeness(seen: Sequence[Seen], enrolled: Vector | None) -> float:
    """Return the least cosine of the looks with what they show together, and of that with what is enrolled.

    What two people with as many looks each show together lies between them and near to both; so what most looks show,
    those nearest to the one in their midst, is also compared with what the others show.
    """
    vectors = np.array([one.embedding for one in seen if one.embedding is not None])
    if len(vectors) < _LEAST_SHARE * len(seen):
        return -1.0
    mean = _together(vectors)
    order = np.argsort(-(vectors @ vectors[int(np.median(vectors @ vectors.T, axis=0).argmax())]))
    most, rest = np.split(vectors[order], [math.ceil(_LEAST_SHARE * len(vectors))])
    least = float((vectors @ mean).min())
    least = min(least, float(_together(most) @ _together(rest))) if len(rest) else least
    return least if enrolled is None else min(least, float(enrolled @ mean))


def _together(vectors: Vector) -> Vector:
    """Return the direction of the median of unit vectors."""
    median = np.median(vectors, axis=0)
    return np.asarray(median / max(float(np.linalg.norm(median)), 1e-9), dtype=np.float32)
