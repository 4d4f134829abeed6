"""What has drifted: each finding a sentence with its figure and bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from recsys.serving.protocol import RankerProtocol
from training.drift import embedding, stability
from training.drift.reference import FEWEST_ROWS, OTHER, Profile, Row, locate, profile, shortened

MODERATE, MAJOR = "moderate", "major"
MISSING_MODERATE, MISSING_MAJOR = 0.05, 0.2
"""By which the share of rows without a feature may grow."""
UNSEEN_MODERATE, UNSEEN_MAJOR = 0.3, 0.6
"""Share of plays whose creative the model has never learnt from."""
GAP_MODERATE, GAP_MAJOR = 0.02, 0.05
"""By which mean score and engagement rate may differ for certain."""
SURE = 2.5758
"""Standard errors of a two-sided 99 % interval."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that drifted.

    Attributes:
        kind: feature, missing, unseen, embedding or calibration.
        subject: the feature's name, empty where it is about the model as a whole.
        severity: moderate or major.
    """

    kind: str
    subject: str
    severity: str
    value: float
    threshold: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Scored:
    """One play with the score it was chosen by, and whether somebody engaged."""

    score: float
    label: bool


def data_drift(reference: Profile, rows: Sequence[Row]) -> list[Finding]:
    """Return how rows differ from those a model learnt from; nothing while there are fewer than 500."""
    if len(rows) < FEWEST_ROWS:
        return []
    live = profile(rows)
    return [*_features(reference, live), *_missing(reference, live), *_unseen(reference, live)]


def embedding_drift(reference: Profile, rows: Sequence[Row], ranker: RankerProtocol) -> list[Finding]:
    """Return whether what is on screen lies elsewhere in the model's own space than what it learnt from."""
    if reference.cloud is None or len(rows) < FEWEST_ROWS:
        return []
    value = embedding.distance(reference.cloud, locate(ranker, reference.panel, rows))
    sentence = (
        f"Creatives on screen lie {value:.2f} of the spread away from those the model learnt from, as the model itself"
        " sees them."
    )
    return _judged("embedding", "", value, embedding.MODERATE, embedding.MAJOR, sentence)


def calibration_drift(plays: Sequence[Scored]) -> list[Finding]:
    """Return whether engagement and the scores it was forecast by differ for certain."""
    if len(plays) < FEWEST_ROWS:
        return []
    forecast = sum(play.score for play in plays) / len(plays)
    rate = sum(play.label for play in plays) / len(plays)
    error = sqrt(sum(play.score * (1 - play.score) for play in plays)) / len(plays)
    least = max(abs(rate - forecast) - SURE * error, 0.0)
    sentence = (
        f"{rate:.1%} of {len(plays)} plays were engaged with, {forecast:.1%} were forecast: at least {least:.1%} apart."
    )
    return _judged("calibration", "", least, GAP_MODERATE, GAP_MAJOR, sentence)


def _features(reference: Profile, live: Profile) -> list[Finding]:
    found: list[Finding] = []
    for name, counts in reference.words.items():
        now = live.words.get(name, {})
        if OTHER in counts:
            now = shortened(now, keep=set(counts) - {OTHER})
        value, noise = stability.stability(counts, now), stability.chance(counts, now)
        if value <= noise:
            continue
        sentence = (
            f"{name} is distributed otherwise than when the model learnt: population stability index {value:.2f}."
        )
        found += _judged("feature", name, value, stability.MODERATE, stability.MAJOR, sentence)
    return found


def _missing(reference: Profile, live: Profile) -> list[Finding]:
    found: list[Finding] = []
    for name, share in live.missing.items():
        grown = share - reference.missing.get(name, 0.0)
        sentence = f"{name} is empty in {share:.0%} of plays, against {share - grown:.0%} when the model learnt."
        found += _judged("missing", name, grown, MISSING_MODERATE, MISSING_MAJOR, sentence)
    return found


def _unseen(reference: Profile, live: Profile) -> list[Finding]:
    if not reference.creatives:
        return []
    unseen = sum(count for creative, count in live.creatives.items() if creative not in reference.creatives)
    share = unseen / live.rows
    sentence = f"{share:.0%} of plays show creatives that the model has never learnt from."
    return _judged("unseen", "creative", share, UNSEEN_MODERATE, UNSEEN_MAJOR, sentence)


def _judged(kind: str, subject: str, value: float, moderate: float, major: float, sentence: str) -> list[Finding]:
    if value <= moderate:
        return []
    severity, threshold = (MAJOR, major) if value > major else (MODERATE, moderate)
    return [Finding(kind, subject, severity, value, threshold, sentence)]
