"""What would have been shown without some purpose of consent, through the very code that decides.

Both slates are the most likely ones: chance is left out on both sides, so that what differs is what the purpose made.
The candidates are those the decision chose among, as its log kept them; what only a person's presence had excluded, a
campaign they had been shown often enough, stays excluded. Where the log no longer tells enough, that is said instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

import numpy as np

import catalog.serving
import core.epochs
from catalog.serving import Eligible
from decisions.audience import Audience
from decisions.considered import unpack
from decisions.exploration import Rule
from decisions.models import Choice, Decision
from decisions.recollection import Recollection
from decisions.slate import Pick, Scored, choose, score
from recsys.exploration.luce import Exploration
from recsys.serving.protocol import RankerProtocol

CERTAIN = Rule(exploration=Exploration(temperature=1e-6, floor=0.0))
"""Takes the best: no chance, and nothing the exploration head would like to learn."""
SAME = 1e-3
"""Scores that differ by less are the same: float32 sums in another order."""


class Changed(StrEnum):
    """What is not as it was when the decision was made."""

    PEOPLE = "people"
    HISTORY = "history"
    PRICES = "prices"
    CATALOGUE = "catalogue"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Likely:
    """One creative of a most likely slate."""

    creative_id: UUID
    public_id: str
    title: str
    category: str
    score: float


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """The most likely slates with and without some purposes.

    Attributes:
        without: the purposes that were left out.
        scores: estimated probability that somebody engages with the creatives that were shown, with and without.
        changed: what is not as it was, so that the comparison is of today rather than of then.
    """

    without: frozenset[str]
    likely: tuple[Likely, ...]
    instead: tuple[Likely, ...]
    scores: Mapping[UUID, tuple[float, float]]
    changed: frozenset[Changed]

    @property
    def same(self) -> bool:
        """Whether the same creatives would most likely have been shown in the same order."""
        return [one.creative_id for one in self.likely] == [one.creative_id for one in self.instead]


def counterfactual(
    *,
    operator_id: UUID,
    decision: Decision,
    choices: Sequence[Choice],
    recollection: Recollection,
    ranker: RankerProtocol,
    without: frozenset[str],
) -> Counterfactual | None:
    """Recompute a decision without some purposes; None when the log does not tell what it chose among."""
    versions = core.epochs.versions(operator_id=operator_id)
    snapshot = catalog.serving.snapshot(operator_id, versions)
    places = unpack(bytes(decision.considered), [offer.id for offer in snapshot.offers])
    if places is None:
        return None
    eligible = Eligible(snapshot, places)
    known, unknown = recollection.audience(), recollection.audience(without=without)
    scored = score(ranker, recollection.context, known, _allowed(eligible, known))
    rescored = score(ranker, recollection.context, unknown, _allowed(eligible, unknown))
    before, after = _by_creative(scored), _by_creative(rescored)
    return Counterfactual(
        without=without,
        likely=_most_likely(scored, len(choices), decision.scene),
        instead=_most_likely(rescored, len(choices), decision.scene),
        scores=MappingProxyType(
            {
                choice.creative_id: (before[choice.creative_id], after.get(choice.creative_id, 0.0))
                for choice in choices
                if choice.creative_id in before
            }
        ),
        changed=frozenset(_changes(recollection, choices, eligible, before)),
    )


def _allowed(eligible: Eligible, audience: Audience) -> Eligible:
    return eligible if audience.personal_allowed else eligible.where(~eligible.personal)


def _most_likely(scored: Scored, places: int, scene: str) -> tuple[Likely, ...]:
    picks: Sequence[Pick] = choose(scored, places, CERTAIN, scene, np.random.default_rng(0))
    return tuple(
        Likely(pick.offer.id, pick.offer.public_id, pick.offer.title, pick.offer.category, pick.score)
        for pick in picks
    )  # fmt: skip


def _by_creative(scored: Scored) -> dict[UUID, float]:
    offers = scored.eligible.offers
    return {offer.id: float(one) for offer, one in zip(offers, scored.scores, strict=True)}


def _changes(
    recollection: Recollection, choices: Sequence[Choice], eligible: Eligible, scores: Mapping[UUID, float]
) -> list[Changed]:
    """Compare what the log says about the shown creatives with what is found now."""
    found: list[Changed] = []
    offers = {offer.id: offer for offer in eligible.offers}
    if recollection.unspoken:
        found.append(Changed.PEOPLE)
    elif any(abs(scores[one.creative_id] - one.score) > SAME for one in choices if one.creative_id in scores):
        found.append(Changed.HISTORY)
    if any(offers[one.creative_id].price_micros != one.price_micros for one in choices if one.creative_id in offers):
        found.append(Changed.PRICES)
    if any(offers[one.creative_id].category != one.category for one in choices if one.creative_id in offers):
        found.append(Changed.CATALOGUE)
    return found
