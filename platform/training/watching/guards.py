"""The guardrails of a canary: pure functions of what was counted, each with a figure, a bound and a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from registry.terms import Guardrails
from training.gates.check import Check
from training.watching.sequential import Rate, drop

SURE = 2.5758
"""Standard errors of a two-sided 99 % interval."""
FEWEST_DECISIONS = 20
FEWEST_TIMINGS = 50
FEWEST_CALIBRATED = 100


@dataclass(frozen=True, slots=True)
class Counted:
    """What one side did.

    Attributes:
        decisions, degraded: of the log.
        watched, failed: decisions that were watched, and those of them in which its ranker could not score.
        took_ms: milliseconds of scoring, of the latest decisions.
        forecast: sum of the scores of what was played.
        spread: sum of score x (1 - score) of what was played.
    """

    decisions: int
    degraded: int
    watched: int
    failed: int
    took_ms: Sequence[float]
    played: Rate
    forecast: float
    spread: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A canary beside the champion in the same time; ``before`` as for `sequential.drop`."""

    canary: Counted
    champion: Counted
    before: tuple[Rate, Rate] | None = None


def guards(compared: Compared, terms: Guardrails) -> list[Check]:
    """Return every guardrail; one that does not pass ends the canary."""
    return [
        errors(compared.canary.watched, compared.canary.failed, terms),
        _degraded(compared, terms),
        latency(compared.canary.took_ms, compared.champion.took_ms, terms),
        _engagement(compared, terms),
        _calibration(compared.canary, terms),
    ]


def errors(watched: int, failed: int, terms: Guardrails) -> Check:
    """Return whether a ranker fails more often than it may, for certain."""
    if watched < FEWEST_DECISIONS:
        return _unjudged("errors", f"{watched} decisions are too few to judge errors by.")
    rate, least = failed / watched, least_rate(failed, watched)
    sentence = f"It failed in {failed} of {watched} decisions; {terms.error_rate:.1%} is allowed."
    return Check("errors", rate, terms.error_rate, least <= terms.error_rate, sentence)


def latency(own_ms: Sequence[float], champion_ms: Sequence[float], terms: Guardrails) -> Check:
    """Return whether a ranker is slower than it may be, at the 95th percentile."""
    if min(len(own_ms), len(champion_ms)) < FEWEST_TIMINGS:
        return _unjudged("latency", "There are too few timings to judge latency by.")
    own, theirs = (float(np.percentile(took, 95)) for took in (own_ms, champion_ms))
    bound = max(terms.latency_ratio * theirs, terms.latency_floor_ms)
    sentence = f"It scores in {own:.1f} ms 95 times in 100, the champion in {theirs:.1f} ms; {bound:.1f} ms is allowed."
    return Check("latency", own, bound, own <= bound, sentence)


def least_rate(hits: int, tries: int) -> float:
    """Return the lower end of Wilson's 99 % interval of a rate (Wilson, JASA 22, 1927); 0 without hits."""
    if not hits:
        return 0.0
    rate, square = hits / tries, SURE**2
    centre = rate + square / (2 * tries)
    reach = SURE * sqrt(rate * (1 - rate) / tries + square / (4 * tries**2))
    return max((centre - reach) / (1 + square / tries), 0.0)


def _degraded(compared: Compared, terms: Guardrails) -> Check:
    canary, champion = compared.canary, compared.champion
    if min(canary.decisions, champion.decisions) < FEWEST_DECISIONS:
        return _unjudged("degraded", "There are too few decisions to judge degraded ones by.")
    own, theirs = (side.degraded / side.decisions for side in (canary, champion))
    least = least_rate(canary.degraded, canary.decisions) - theirs
    sentence = (
        f"{own:.1%} of its decisions were degraded, {theirs:.1%} of the champion's;"
        f" {terms.degraded_rate:.1%} more is allowed."
    )
    return Check("degraded", own - theirs, terms.degraded_rate, least <= terms.degraded_rate, sentence)


def _engagement(compared: Compared, terms: Guardrails) -> Check:
    found = drop(compared.canary.played, compared.champion.played, compared.before)
    if found is None:
        return _unjudged("engagement", "There are too few plays to judge engagement by.")
    certain = found.is_certain(terms.engagement_level)
    settled = ", what its screens differed by before being taken off" if compared.before else ""
    sentence = (
        f"Engagement is {found.difference:+.1%} against the champion's{settled};"
        f" {'a drop for certain' if certain else 'no certain drop'} (p = {found.p:.3f})."
    )
    return Check("engagement", found.difference, 0.0, not certain, sentence)


def _calibration(canary: Counted, terms: Guardrails) -> Check:
    plays = canary.played.plays
    if plays < FEWEST_CALIBRATED:
        return _unjudged("calibration", f"{plays} plays are too few to judge calibration by.")
    gap = abs(canary.forecast - canary.played.engaged) / plays
    least = max(gap - SURE * sqrt(canary.spread) / plays, 0.0)
    sentence = (
        f"{canary.played.engaged / plays:.1%} of {plays} plays were engaged with, {canary.forecast / plays:.1%} were"
        f" forecast; {terms.calibration_gap:.1%} apart is allowed."
    )
    return Check("calibration", gap, terms.calibration_gap, least <= terms.calibration_gap, sentence)


def _unjudged(name: str, sentence: str) -> Check:
    return Check(name, None, None, True, sentence, judged=False)
