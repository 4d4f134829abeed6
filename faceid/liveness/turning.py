"""The film of a challenge's turns of the head: a head that turns has depth, a picture that is tilted has none."""

from faceid.liveness.answer import Answer
from faceid.liveness.capture import Capture
from faceid.liveness.challenge import TURNS, Challenge
from faceid.liveness.method import Evidence
from faceid.liveness.motion import Motion


def turning(challenge: Challenge, answer: Answer) -> Evidence | None:
    """Say whether what turned was a flat picture, by :class:`faceid.liveness.motion.Motion`.

    Only looks of the steps that ask for a turn are compared. The others show a living head nearly as flat as a print:
    who comes closer grows in the picture as a plane does, who shuts the eyes moves two small patches, and flashes
    change the light between two looks.

    Args:
        challenge: what was asked.
        answer: that passed :func:`faceid.liveness.answer.judge`.

    Returns:
        Log-odds of a living person, to be handed to ``judge`` as ``extra`` evidence: never above 0, since that the head
        turned is what the challenge itself counts for a person; None where fewer than six looks of the turns show a
        face.
    """
    looks = tuple(seen.look for seen in answer.seen if _turns(challenge, seen.look.at))
    found = Motion().judge(Capture(looks)) if looks else None
    return None if found is None else Evidence(found.method, min(found.score, 0.0), found.figures)


def _turns(challenge: Challenge, at: float) -> bool:
    number = challenge.step_at(at)
    return number is not None and challenge.steps[number].kind in TURNS
