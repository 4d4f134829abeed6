"""Is the person who is to be enrolled really there? Staff vouches, or a challenge and the liveness methods say so."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

import faceid.image
from faceid.frame import Frame as Picture
from faceid.frame import require
from faceid.liveness.answer import METHOD, judge, observe
from faceid.liveness.capture import Capture, Look
from faceid.liveness.challenge import Challenge, StepKind
from faceid.liveness.motion import MOTION
from faceid.liveness.policy import ENROLMENT
from faceid.liveness.refusal import Refusal
from faceid.liveness.turning import turning
from faceid.pipeline import Enrolment, Pipeline
from identities import challenges, liveness, selectors
from identities.errors import (
    ChallengeFailed,
    ChallengeRequired,
    LivenessUnavailable,
    SpoofSuspected,
    face_problems,
)
from identities.liveness import Liveness
from identities.models import Supervision
from identities.pictures import Frame


@dataclass(frozen=True, slots=True)
class Attended:
    """A member of staff stands beside the person and vouches for them."""


@dataclass(frozen=True, slots=True)
class Demonstrated:
    """A photograph of the demonstration; no door accepts it, only code that enrols on its own behalf."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a challenge.

    Attributes:
        token: of the challenge, ``chl_…``.
        looks: frames that were taken while the challenge ran, at most 24.
        times: when each was taken, seconds since the first step began.
    """

    token: str = field(repr=False)
    looks: tuple[Frame, ...] = field(repr=False)
    times: tuple[float, ...]


Proof: TypeAlias = Attended | Demonstrated | Answered

KIOSK: Final = replace(ENROLMENT, required=frozenset({METHOD, MOTION}))
"""As strict as enrolment is, and nobody passes by pictures alone, nor without a look at how the head turned."""

_FORMAL: Final = frozenset(
    {
        Refusal.NOT_THIS_CHALLENGE, Refusal.EXPIRED, Refusal.TOO_EARLY, Refusal.OUT_OF_TIME, Refusal.TOO_FEW_LOOKS,
        Refusal.FACE_LOST, Refusal.SEVERAL_FACES, Refusal.ANSWERED_BEFORE, Refusal.TOO_MANY_ANSWERS,
    }
)  # fmt: skip

_SENTENCES: Final = {
    Refusal.NOT_THIS_CHALLENGE: "The answer names another challenge.",
    Refusal.EXPIRED: "The challenge ended before the answer came.",
    Refusal.ANSWERED_BEFORE: "The challenge was answered before.",
    Refusal.TOO_MANY_ANSWERS: "Too many challenges were answered.",
    Refusal.TOO_EARLY: "The answer came before the challenge can have been done.",
    Refusal.OUT_OF_TIME: "Looks were taken before or after the challenge.",
    Refusal.TOO_FEW_LOOKS: "Too few looks were sent.",
    Refusal.FACE_LOST: "The face was not in the picture all the time.",
    Refusal.SEVERAL_FACES: "Somebody else stood as near.",
    Refusal.PERSON_CHANGED: "The looks and the picture do not show one and the same person.",
    Refusal.TURN_MISSING: "The head was not turned as asked.",
    Refusal.EYES_NOT_CLOSED: "The eyes were not closed when asked.",
    Refusal.NOT_CLOSER: "The face did not come closer when asked.",
    Refusal.NO_REFLECTION: "The face did not reflect the colours of the screen; less light in the room may help.",
    Refusal.REFLECTION_EVERYWHERE: "The colours appeared in the whole picture and not on the face.",
}


def announce(*, operator_id: UUID, actor: str, proof: Proof) -> Challenge | None:
    """Refuse what need not be looked at, before any picture is decoded; return the challenge that was answered.

    Raises:
        ChallengeRequired: staff may not vouch at this operator.
        ChallengeForeign: the challenge was drawn for somebody else.
        LivenessUnavailable: the models that judge liveness are missing.
    """
    if isinstance(proof, Answered):
        if liveness.detector() is None:
            raise LivenessUnavailable(
                "Liveness cannot be judged: its models are missing or damaged. Train them (python -m faceid liveness"
                " train), or enrol with a member of staff.",
                retry_after=300,
            )
        return challenges.read(proof.token, operator_id=operator_id, actor=actor)
    attended = selectors.supervision(operator_id=operator_id) is Supervision.ATTENDED
    if isinstance(proof, Attended) and not attended:
        raise ChallengeRequired(
            "This operator enrols without a member of staff. Draw a challenge (POST /v1/challenges) and send its"
            " answer."
        )
    return None


def confirm(
    *,
    challenge: Challenge,
    answer: Answered,
    captured: Enrolment,
    picture: Picture,
    pipeline: Pipeline,
    at: datetime,
    infrared: NDArray[np.uint8] | None = None,
) -> None:
    """Judge an answer and the picture; looks and scores end with this call.

    The challenge counts as answered from here on, even when the request fails: otherwise an attacker could try one
    challenge again and again.

    Args:
        infrared: brightness of a near-infrared frame of the picture's size.

    Raises:
        ChallengeUsed: it was answered before.
        ChallengeFailed: the answer cannot be judged; ``errors`` says why.
        SpoofSuspected: nobody living did what was asked, or it was somebody else; ``errors`` says why.
        FaceUnusable, ImageTypeUnsupported: a look is no picture.
        Unavailable: Redis does not answer.
    """
    challenges.use(challenge)
    with face_problems():
        frames = [faceid.image.decode(look.data, look.content_type) for look in answer.looks]
        seen = observe(pipeline, frames, answer.times, nonce=challenge.nonce, session=challenge.session)
        verdict = judge(challenge, seen, at, enrolled=captured.embedding, mesh=liveness.mesh())
        if not verdict.passed:
            raise _refused(verdict.refusals)
        turned = turning(challenge, seen)
        if turned is None:
            raise _refused((Refusal.FACE_LOST,))
        looks = _calm(challenge, [one.look for one in seen.seen])
    last = Look(require(picture), captured.face, challenge.seconds + 10.0)
    found = liveness.judged(Capture((*looks, last), infrared), KIOSK, extra=[verdict.evidence(), turned])
    if found.liveness is not Liveness.LIVE:
        raise SpoofSuspected(
            "The picture may be of a picture. Stand before the camera yourself, or enrol with a member of staff.",
            errors=[{"field": "frame", "code": "spoof_suspected", "detail": "Texture or depth are not a face's."}],
        )


def _refused(refusals: Sequence[Refusal]) -> ChallengeFailed | SpoofSuspected:
    reasons = list(dict.fromkeys(refusals))
    errors = [{"field": "looks", "code": reason.value, "detail": _SENTENCES[reason]} for reason in reasons]
    said = " ".join(_SENTENCES[reason] for reason in reasons)
    kind = ChallengeFailed if reasons[0] in _FORMAL else SpoofSuspected
    return kind(f"{said} Draw a new challenge, or go on without a picture: a code works as well.", errors=errors)


def _calm(challenge: Challenge, looks: list[Look]) -> list[Look]:
    """Pick the first look of each step in which the screen shines as usual: nobody has begun to act."""
    first: dict[int, Look] = {}
    for look in looks:
        number = challenge.step_at(look.at)
        if number is not None and challenge.steps[number].kind is not StepKind.FLASHES:
            first.setdefault(number, look)
    return [first[number] for number in sorted(first)]
