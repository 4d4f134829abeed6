"""What the log teaches about creatives beyond the scores of the rankers that serve: learnt anew each time.

From scratch, not added to: a run twice over the same plays counts them once, and whoever was erased or withdrew
``learn`` is not in what is learnt next.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

import decisions.selectors
import decisions.services
import registry.selectors
from events.engagement import ATTRIBUTION_WINDOW
from events.selectors.outcomes import Outcome, outcomes
from recsys.exploration.head import log_odds
from recsys.exploration.learning import Observations, learn
from recsys.serving.uniform import UniformRanker

WINDOW = timedelta(days=30)
MOST_PLAYS = 200_000
LEAST_PLAYS = 200
"""Before that the head would know less than the model: chance alone explores."""
DIGITS = 1
"""Plays whose log-odds agree to this many digits are counted together."""


def learn_posteriors(*, operator_id: UUID, at: datetime) -> dict[str, int]:
    """Learn a posterior for each ranker that decides, from the plays it decided, and return how many those were.

    A ranker with fewer than 200 plays keeps what it had; what was learnt about rankers that decide no more is deleted.
    The attribution window of the latest plays is awaited first.
    """
    serving = _serving(operator_id)
    until, found = at - ATTRIBUTION_WINDOW, {}
    for model in serving:
        seen = _observed(operator_id, model, until)
        found[model] = int(seen.plays.sum())
        if found[model] >= LEAST_PLAYS:
            decisions.services.keep_posterior(
                operator_id=operator_id, model=model, posterior=learn(seen), until=until
            )  # fmt: skip
    decisions.services.drop_posteriors(operator_id=operator_id, models_kept=serving)
    return found


def _serving(operator_id: UUID) -> list[str]:
    """Return the versions that decide: the champion, or the untrained policy before there is one, and a canary."""
    lineup = registry.selectors.lineup(operator_id=operator_id)
    canary = [lineup.canary.file_digest] if lineup.canary else []
    return [lineup.champion or UniformRanker().version, *canary]


def _observed(operator_id: UUID, model: str, until: datetime) -> Observations:
    played = outcomes(operator_id=operator_id, since=until - WINDOW, until=until, models=[model], limit=MOST_PLAYS)
    barred = decisions.selectors.unlearnable(
        operator_id=operator_id, decision_ids={outcome.decision_id for outcome in played}
    )
    return observations(outcome for outcome in played if outcome.decision_id not in barred)


def observations(played: Iterable[Outcome]) -> Observations:
    """Count plays whose place, category, creative and score are the same."""
    plays: Counter[tuple[str, str, str, int, float]] = Counter()
    engaged: Counter[tuple[str, str, str, int, float]] = Counter()
    for one in played:
        odds = round(float(log_odds(np.array(one.score))), DIGITS)
        key = (str(one.context["scene"]), one.category, one.creative, one.position, odds)
        plays[key] += 1
        engaged[key] += one.label
    keys = sorted(plays)
    return Observations(
        scenes=tuple(key[0] for key in keys),
        categories=tuple(key[1] for key in keys),
        creatives=tuple(key[2] for key in keys),
        logits=np.array([key[4] for key in keys], dtype=np.float64),
        plays=np.array([plays[key] for key in keys], dtype=np.int64),
        engaged=np.array([engaged[key] for key in keys], dtype=np.int64),
        positions=tuple(key[3] for key in keys),
    )
