"""Who stands at the screen, and what each of them agreed to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from core.ids import public_id
from identities.viewers import How, ViewerClaim, ViewerState
from recsys.features import Viewer
from signage.policies import LEARN, PERSONALISE, RECOGNISE, ScenePolicy
from subjects.selectors import Person

ANONYMOUS = Viewer()


@dataclass(frozen=True, slots=True)
class Audience:
    """Those who stand at the screen.

    Attributes:
        people: how many they are.
        recognised: how many of them are known and still agree to be.
        by_face: how many were recognised by their face, not by a token they carry.
        bystanders: how many faces were too poor to tell.
        personalised: those whom the choice may be made for.
        learning: those of them whom models may learn from.
        viewers: what the ranker is told, one for each of the personalised, then one for everybody else together.
        weights: how many people each of ``viewers`` stands for, as shares; float32, shape (viewers,).
        personal_allowed: whether creatives meant for one person may be shown.
    """

    people: int
    recognised: int
    by_face: int
    bystanders: int
    personalised: tuple[Person, ...]
    learning: frozenset[UUID]
    viewers: tuple[Viewer, ...]
    weights: NDArray[np.float32]
    personal_allowed: bool

    @property
    def purposes(self) -> list[str]:
        """Return the purposes of consent the decision rests on."""
        held = {RECOGNISE: self.by_face, PERSONALISE: self.personalised, LEARN: self.learning}
        return [purpose for purpose, relied_on in held.items() if relied_on]

    @property
    def counts(self) -> dict[str, int]:
        """Return numbers for the log; nothing else about the audience is kept."""
        anonymous = max(self.people - self.recognised - self.bystanders, 0)
        return {
            "count": self.people, "recognised": self.recognised, "anonymous": anonymous, "bystander": self.bystanders,
            "personalised": len(self.personalised),
        }  # fmt: skip


def gather(
    claims: Sequence[ViewerClaim], persons: Mapping[UUID, Person], *, people: int | None, policy: ScenePolicy
) -> Audience:
    """Return the audience of a decision.

    Args:
        claims: of the viewer tokens.
        persons: the claimed subjects with their consents live now; whoever consents to nothing is missing.
        people: how many people the player counts, when it counts.

    Consent decides, not the token: whoever withdrew since the token was made is anonymous. One unrecognised person, or
    one who did not agree to personal choices, hides whatever is meant for somebody in particular.
    """
    known = {claim.subject_id: claim for claim in claims if claim.subject_id is not None}
    recognised = [
        persons[subject_id]
        for subject_id, claim in known.items()
        if subject_id in persons and _may_know(persons[subject_id], claim)
    ]
    personalised = tuple(
        person for person in recognised if PERSONALISE in person.purposes and policy.allows_purpose(PERSONALISE)
    )
    twice = sum(claim.subject_id is not None for claim in claims) - len(known)
    total = max(people or 0, len(claims) - twice)
    bystanders = sum(claim.state is ViewerState.BYSTANDER for claim in claims)
    learning = frozenset(
        person.id for person in personalised if LEARN in person.purposes and policy.allows_purpose(LEARN)
    )
    others = total - len(personalised)
    viewers = [_viewer(person, person.id in learning, policy) for person in personalised]
    weights = [1.0] * len(viewers)
    if others or not viewers:
        viewers.append(ANONYMOUS)
        weights.append(float(max(others, 1)))
    return Audience(
        people=total,
        recognised=len(recognised),
        by_face=sum(known[person.id].how is not How.LOYALTY for person in recognised),
        bystanders=bystanders,
        personalised=personalised,
        learning=learning,
        viewers=tuple(viewers),
        weights=np.array(weights, dtype=np.float32) / np.float32(sum(weights)),
        personal_allowed=others == 0 and policy.allows_personal(total),
    )


def _may_know(person: Person, claim: ViewerClaim) -> bool:
    """Whoever shows a token made themselves known; a face may only tell while consent to that is live."""
    return claim.how is How.LOYALTY or RECOGNISE in person.purposes


def _viewer(person: Person, learning: bool, policy: ScenePolicy) -> Viewer:
    # Without a ``learn`` consent no model knows this person, so its key would only borrow somebody else's place.
    key = public_id("sub", person.id) if learning else None
    denied = {one for one in {behaviour.category for behaviour in person.history} if not policy.may_rank_by(one)}
    if not denied:
        return Viewer(key, person.history)
    return Viewer(key, tuple(behaviour for behaviour in person.history if behaviour.category not in denied))
