"""What the database says about the moment of a decision, asked at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import signage.serving
from catalog.selectors import Spending, of_spending
from core.epochs import of_versions, versions
from core.questions import ask
from decisions.clock import day_start
from decisions.limits import Used, of_use
from signage.serving import Situation
from subjects.selectors import Person, of_people


@dataclass(frozen=True, slots=True)
class Present:
    """The moment of a decision.

    Attributes:
        versions: epochs of what processes hold in memory.
        situation: where the player stands.
        persons: those asked about who consent to anything here and now.
        used: caps and open leases.
        spent: what campaigns have spent.
    """

    versions: Mapping[str, int]
    situation: Situation
    persons: Mapping[UUID, Person]
    used: Used
    spent: Mapping[UUID, Spending]


def present(*, operator_id: UUID, player_id: UUID, subject_ids: Collection[UUID], at: datetime) -> Present:
    """Return what the database says, in one query, however many people are asked about.

    Consent and caps depend on the venue. It is taken for the one where this process saw the player last; the answer
    tells whether that still holds, and only when the player was moved since is there a second query.

    Raises:
        PlayerNotPaired: the player drives no screen.
    """
    expected = signage.serving.remembered(operator_id, player_id)
    if expected is None:
        expected = signage.serving.situation(operator_id, player_id, versions(operator_id=operator_id))
    while True:
        found = _asked(operator_id, expected, subject_ids, at)
        situation = signage.serving.situation(operator_id, player_id, found.versions)
        if situation == expected:
            return found
        expected = situation


def _asked(operator_id: UUID, situation: Situation, subject_ids: Collection[UUID], at: datetime) -> Present:
    today = day_start(at, situation.timezone)
    found, persons, used, spent = ask(
        of_versions(operator_id=operator_id),
        of_people(operator_id=operator_id, subject_ids=subject_ids, venue_id=situation.venue_id, at=at),
        of_use(operator_id=operator_id, subject_ids=subject_ids, day_start=today, at=at),
        of_spending(operator_id=operator_id, at=at),
    )
    return Present(found, situation, persons, used, spent)
