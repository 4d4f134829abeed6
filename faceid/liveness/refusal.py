"""Why an answer to a challenge does not count."""

from enum import StrEnum


class Refusal(StrEnum):
    """Why an answer does not count."""

    NOT_THIS_CHALLENGE = "not_this_challenge"
    EXPIRED = "expired"
    ANSWERED_BEFORE = "answered_before"
    TOO_MANY_ANSWERS = "too_many_answers"
    TOO_EARLY = "too_early"
    OUT_OF_TIME = "out_of_time"
    TOO_FEW_LOOKS = "too_few_looks"
    FACE_LOST = "face_lost"
    SEVERAL_FACES = "several_faces"
    PERSON_CHANGED = "person_changed"
    TURN_MISSING = "turn_missing"
    EYES_NOT_CLOSED = "eyes_not_closed"
    NOT_CLOSER = "not_closer"
    NO_REFLECTION = "no_reflection"
    REFLECTION_EVERYWHERE = "reflection_everywhere"
