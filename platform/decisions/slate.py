"""From scores to an ordered slate."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from catalog.offers import Offer
from catalog.serving import Eligible
from decisions.auction import Bids, Stakes, fill
from decisions.audience import Audience
from decisions.exploration import Rule
from decisions.models import Basis
from recsys.features import Context
from recsys.serving.protocol import RankerProtocol

logger = logging.getLogger(__name__)

CONTENT_TIER = 5
"""Where content stands among the priorities 1 to 10 of campaigns: beside a campaign of ordinary priority."""

RANKED_AT_MOST = 10_000
"""Beyond this many candidates only the most promising are ranked."""
SHORTLISTED = 1_000
TIER_NATS = 100.0
"""More than what any two candidates of a tier differ by."""

RANKER_FAILED = "ranker_failed"
HOUSE_SCORE = 0.0

_stakes: WeakKeyDictionary[Eligible, Stakes] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Scored:
    """Candidates with what the ranker thinks of them.

    Attributes:
        scores: float64, shape (candidates,), in [0, 1].
        model: version of the ranker.
        degraded: why there are no real scores, empty when there are.
        failed: version of the ranker that should have scored and could not; empty when it did.
    """

    eligible: Eligible
    scores: NDArray[np.float64]
    basis: Basis
    model: str
    degraded: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Pick:
    """One place of a slate."""

    offer: Offer
    score: float
    propensity: float


def score(
    ranker: RankerProtocol,
    context: Context,
    audience: Audience,
    eligible: Eligible,
    instead: RankerProtocol | None = None,
) -> Scored:
    """Score the candidates for everybody who stands there, in one call of the ranker.

    The score of a candidate is the average over all people, those who did not agree to a personal choice counting as
    anonymous. A ranker that fails costs the choice, not the screen: what is left is house content, each with the same
    chance, or public creatives where there is no content.

    Args:
        instead: scores where ``ranker`` fails: the champion's, for a screen of the canary's. None where nobody does.
    """
    try:
        return _scored(ranker, context, audience, eligible)
    except Exception:  # whatever a model does wrong, the screen goes on
        logger.exception("Ranker %s failed.", ranker.version[:12])
    if instead is not None:
        scored = score(instead, context, audience, eligible)
        return replace(scored, failed=ranker.version)
    house = _house(eligible)
    return Scored(house, np.zeros(len(house)), Basis.HOUSE, ranker.version, RANKER_FAILED, ranker.version)


def _scored(ranker: RankerProtocol, context: Context, audience: Audience, eligible: Eligible) -> Scored:
    ranked = shortlisted(ranker, context, audience, eligible)
    matrix = ranker.rank(context, audience.viewers, ranked.candidates)
    scores = (audience.weights @ matrix).astype(np.float64)
    if not np.isfinite(scores).all():
        raise ValueError("the ranker gave scores that are no numbers")
    basis = Basis.PERSONAL if audience.personalised else Basis.CONTEXTUAL
    return Scored(ranked, scores.clip(0.0, 1.0), basis, ranker.version)


def shortlisted(ranker: RankerProtocol, context: Context, audience: Audience, eligible: Eligible) -> Eligible:
    """Keep those worth ranking of very many candidates: tier by tier, by what showing them is likely to be worth.

    The chances of a decision are then over these; the others had none, and its log says so.
    """
    if len(eligible) <= RANKED_AT_MOST:
        return eligible
    stakes = stakes_of(eligible)
    tier = stakes.priorities
    places = ranker.shortlist(
        context, audience.viewers, eligible.snapshot.candidates, eligible.indices, SHORTLISTED,
        np.log(stakes.each) + TIER_NATS * (tier - tier.max()),
    )  # fmt: skip
    return Eligible(eligible.snapshot, eligible.indices[places])


def choose(scored: Scored, places: int, rule: Rule, scene: str, random: np.random.Generator) -> Sequence[Pick]:
    """Hold the auction and return the slate, best place first.

    Args:
        rule: how the screen explores around the scores.
        scene: key of the scene.
    """
    eligible = scored.eligible
    bids = Bids(rule.values(scored.scores, eligible, scene), stakes_of(eligible))
    return [
        Pick(eligible.offer(draw.index), float(scored.scores[draw.index]), draw.propensity)
        for draw in fill(bids, places, rule.exploration, random)
    ]


def stakes_of(eligible: Eligible) -> Stakes:
    """Return what the candidates pay and who goes first; worked out once for decisions among the same."""
    held = _stakes.get(eligible)
    if held is None:
        held = _stakes[eligible] = Stakes(eligible.price_micros, tiers(eligible.paid, eligible.priority))
    return held


def tiers(paid: NDArray[np.bool_], priorities: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the tier of each candidate: its campaign's priority, or that of content."""
    return np.where(paid, priorities, CONTENT_TIER).astype(np.int64)


def _house(eligible: Eligible) -> Eligible:
    content = ~eligible.paid & ~eligible.personal
    return eligible.where(content if content.any() else ~eligible.personal)
