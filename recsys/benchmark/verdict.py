"""Our best model beside the best peer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from recsys.benchmark.intervals import auc_difference
from recsys.benchmark.models.model import Scores
from recsys.benchmark.outcome import LOWER_IS_BETTER, Outcome
from recsys.benchmark.prepared import Rows

COMPARED: Final = {"auc": "AUC", "gauc": "GAUC", "log_loss": "log loss", "ece": "ECE", "ndcg": "NDCG@10"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of the test part.

    Attributes:
        ours: our model with the least log loss on the validation part; the test part has no say in that.
        peer: the peer that is best by this very metric on the test part.
        lead: how much better ours is, in the metric's unit; below 0 it is worse.
        interval: 95 % interval of the lead over users, for AUC and the first seed only.
    """

    metric: str
    ours: str
    peer: str
    lead: float
    interval: tuple[float, float] | None


def compare(outcomes: Sequence[Outcome], scores: Mapping[str, Scores], test: Rows) -> tuple[Comparison, ...]:
    """Set our best model beside the best peer for every metric; empty without one of ours and one peer."""
    ours = [outcome for outcome in outcomes if outcome.ours and outcome.trials]
    peers = [outcome for outcome in outcomes if not outcome.ours and outcome.trials]
    if not ours or not peers:
        return ()
    best = min(ours, key=lambda outcome: float(np.mean(outcome.values("validation_log_loss"))))
    found = []
    for metric in COMPARED:
        sign = -1 if metric in LOWER_IS_BETTER else 1
        rivals = {peer.model: sign * value for peer in peers if (value := peer.mean(metric)) is not None}
        own = best.mean(metric)
        if own is None or not rivals:
            continue
        rival = max(rivals, key=lambda name: rivals[name])
        interval = None
        if metric == "auc":
            interval = auc_difference(test.labels, scores[best.model], scores[rival], test.user)
        found.append(Comparison(metric, best.model, rival, sign * own - rivals[rival], interval))
    return tuple(found)


def sentence(data: str, comparisons: Sequence[Comparison], failed: Sequence[str] = ()) -> str | None:
    """Say on what our best model beats every peer, and by how much it falls short on the rest.

    Args:
        failed: models without figures, which nothing can be said about.
    """
    if not comparisons:
        return None
    ahead = [f"{COMPARED[one.metric]} ({_lead(one)})" for one in comparisons if one.lead > 0]
    behind = [f"{one.peer} on {COMPARED[one.metric]} by {_lead(one)}" for one in comparisons if one.lead < 0]
    said = [f"beats every peer on {', '.join(ahead)}"] if ahead else []
    level = [f"{one.peer} on {COMPARED[one.metric]}" for one in comparisons if one.lead == 0]
    said += [f"equals {', '.join(level)}"] if level else []
    said += [f"falls short of {', '.join(behind)}"] if behind else []
    said += [f"{', '.join(failed)} failed and cannot be compared"] if failed else []
    return f"{data}: our best model on validation, {comparisons[0].ours}, {'; '.join(said)}."


def _lead(one: Comparison) -> str:
    figure = f"{-one.lead:.4f}" if one.lead < 0 else f"+{one.lead:.4f} over {one.peer}"
    if one.interval is None:
        return figure
    low, high = one.interval
    return f"{figure}, 95 % interval of the lead {low:+.4f} to {high:+.4f}"
