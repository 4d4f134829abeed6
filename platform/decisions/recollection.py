"""Whom a logged decision was for, as far as that may still be told.

A decision's log names nobody's history. It is put together again from what is remembered of a person now, up to the
moment of the decision, and only while that person consents to personal choices: after a withdrawal or an erasure only
place and time are left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import numpy as np

import signage.selectors
import subjects.selectors
from core.ids import public_id
from decisions import selectors
from decisions.audience import ANONYMOUS, Audience
from decisions.models import Decision
from decisions.selectors import Beheld
from recsys.features import Behaviour, Context, Viewer
from signage.policies import LEARN, PERSONALISE, POLICIES, ScenePolicy
from subjects.selectors import Person


@dataclass(frozen=True, slots=True)
class Remembered:
    """Somebody a decision was personal for, as the ranker was told about them.

    Attributes:
        moments: when each thing in the viewer's history was, UTC.
    """

    person: Person
    viewer: Viewer
    moments: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Recollection:
    """A decision's audience.

    Attributes:
        context: exactly what the ranker was told about place and time.
        people: how many stood there.
        remembered: those it was personal for who still consent to that.
        unspoken: how many others it was personal for, of whom nothing may be told any more.
        timezone: IANA name, of the venue.
    """

    context: Context
    policy: ScenePolicy
    people: int
    remembered: tuple[Remembered, ...]
    unspoken: int
    timezone: str

    @property
    def alone(self) -> bool:
        """Whether nobody stood there but one person the decision was personal for."""
        return self.people == 1 and len(self.remembered) == 1

    def audience(self, *, without: frozenset[str] = frozenset()) -> Audience:
        """Return the audience as a decision has it, for the purposes that are not left out."""
        remembered = () if without & {PERSONALISE, "recognise"} else self.remembered
        viewers = [Viewer(None, one.viewer.history) if LEARN in without else one.viewer for one in remembered]
        weights = [1.0] * len(viewers)
        others = max(self.people - len(viewers), 0)
        if others or not viewers:
            viewers.append(ANONYMOUS)
            weights.append(float(max(others, 1)))
        return Audience(
            people=self.people,
            recognised=len(remembered),
            by_face=0,
            bystanders=0,
            personalised=tuple(one.person for one in remembered),
            learning=frozenset(one.person.id for one in remembered if one.viewer.key is not None),
            viewers=tuple(viewers),
            weights=np.array(weights, dtype=np.float32) / np.float32(sum(weights)),
            personal_allowed=others == 0 and self.policy.allows_personal(self.people),
        )


def recollect(*, operator_id: UUID, decision: Decision, at: datetime) -> Recollection:
    """Put the audience of a decision together again.

    Args:
        at: now; consents that have ended by now count as ended.
    """
    policy = POLICIES[decision.policy]
    venue = signage.selectors.get_screen(operator_id=operator_id, screen_id=decision.screen_id).venue
    beheld = selectors.viewers_of(operator_id=operator_id, decision_ids=[decision.id]).get(decision.id, [])
    persons = subjects.selectors.people(
        operator_id=operator_id, subject_ids={one.subject_id for one in beheld}, venue_id=venue.id, at=at
    )
    remembered = tuple(
        _remembered(operator_id, persons[one.subject_id], one, decision, policy)
        for one in beheld
        if one.subject_id in persons and PERSONALISE in persons[one.subject_id].purposes
    )
    return Recollection(
        context=Context(**decision.context),
        policy=policy,
        people=int(decision.audience["count"]),
        remembered=remembered,
        unspoken=int(decision.audience.get("personalised", 0)) - len(remembered),
        timezone=venue.timezone,
    )


def _remembered(
    operator_id: UUID, person: Person, beheld: Beheld, decision: Decision, policy: ScenePolicy
) -> Remembered:
    past = _before(subjects.selectors.history_of(operator_id=operator_id, subject_id=person.id), decision.at)
    allowed = [(creative, category, moment) for creative, category, moment in past if policy.may_rank_by(category)]
    key = public_id("sub", person.id) if beheld.learn and LEARN in person.purposes else None
    history = tuple(Behaviour(creative, category) for creative, category, _ in allowed)
    return Remembered(person, Viewer(key, history), tuple(moment for _, _, moment in allowed))


def _before(history: Sequence[Sequence[object]], at: datetime) -> list[tuple[str, str, datetime]]:
    found = [
        (str(creative), str(category), datetime.fromtimestamp(float(str(milliseconds)) / 1000, UTC))
        for creative, category, milliseconds in history
    ]
    return [one for one in found if one[2] < at]
