"""Error rates of presentation attack detection, kept apart by species, with intervals.

ISO/IEC 30107-3:2023: APCER (13.2.2), BPCER (13.2.3), APNRR and BPNRR (13.2.4), and for a whole system with recognition
RIAPAR (13.4), the sum of IAPAR and FRR at one operating point.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faceid.evaluate.intervals import Estimate, area_estimate, mean_of, wilson

ATTACK_LEVELS = (0.10, 0.05, 0.02, 0.01)
"""APCER levels at which BPCER is given; also the other way round."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores of all presentations of one kind.

    Attributes:
        scores: probability of a living person, shape (responses,).
        passed: whether the policy let each pass, bool, shape (responses,).
        lost: presentations without a response: unreadable, or no face found.
    """

    scores: NDArray[np.float64] = field(repr=False)
    passed: NDArray[np.bool_] = field(repr=False)
    lost: int = 0

    @property
    def presented(self) -> int:
        """All presentations of the kind."""
        return len(self.scores) + self.lost


@dataclass(frozen=True, slots=True)
class SpeciesErrors:
    """Errors on one species.

    Attributes:
        apcer: share of the attacks that were taken for living people, among those with a response.
        apnrr: share of the attacks without a response.
    """

    apcer: Estimate
    apnrr: Estimate


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors at one operating point.

    Attributes:
        species: by species.
        worst: the species with the highest APCER.
        apcer: that of the worst species, which stands for the system (ISO/IEC 30107-3, 13.2.2).
        bpcer: share of the living people that were taken for attacks, among those with a response.
        bpnrr: share of the living people without a response.
        acer: mean of APCER and BPCER; widely printed, though not in the standard's 2023 edition. The ends of its
            interval are the means of theirs, as those of RIAPAR are the sums; see
            :func:`faceid.evaluate.intervals.mean_of`.
    """

    species: Mapping[str, SpeciesErrors]
    worst: str
    apcer: Estimate
    bpcer: Estimate
    bpnrr: Estimate
    acer: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Both errors over the threshold.

    Attributes:
        thresholds: ascending, shape (points,).
        apcer: of the worst species at each, shape (points,).
        bpcer: shape (points,).
        equal_error: where the two meet, 0 to 1.
        bpcer_at: least BPCER by highest APCER.
        apcer_at: least APCER by highest BPCER.
    """

    thresholds: NDArray[np.float64] = field(repr=False)
    apcer: NDArray[np.float64] = field(repr=False)
    bpcer: NDArray[np.float64] = field(repr=False)
    equal_error: float
    bpcer_at: Mapping[float, float]
    apcer_at: Mapping[float, float]


def errors(live: Scored, attacks: Mapping[str, Scored]) -> Errors:
    """Measure the errors of decisions as they were made.

    Args:
        live: presentations of living people.
        attacks: presentations by species; at least one species.
    """
    species = {
        name: SpeciesErrors(wilson(int(one.passed.sum()), len(one.scores)), wilson(one.lost, one.presented))
        for name, one in sorted(attacks.items())
    }
    answered = {name: one for name, one in species.items() if one.apcer.trials} or species
    worst = max(answered, key=lambda name: (np.nan_to_num(answered[name].apcer.value), name))
    bpcer = wilson(int((~live.passed).sum()), len(live.scores))
    apcer = species[worst].apcer
    return Errors(species, worst, apcer, bpcer, wilson(live.lost, live.presented), mean_of(apcer, bpcer))


def curve(live: Scored, attacks: Mapping[str, Scored]) -> Curve | None:
    """Measure both errors over all thresholds; None where one kind has no scores at all."""
    kinds = [np.sort(one.scores) for one in attacks.values() if len(one.scores)]
    if not kinds or not len(live.scores):
        return None
    thresholds = np.unique(np.concatenate([live.scores, *kinds, [0.0, np.nextafter(1.0, 2.0)]]))
    people = np.sort(live.scores)
    bpcer = np.searchsorted(people, thresholds, side="left") / len(people)
    apcer = np.max([1.0 - np.searchsorted(kind, thresholds, side="left") / len(kind) for kind in kinds], axis=0)
    crossing = int(np.argmin(np.abs(apcer - bpcer)))
    return Curve(
        thresholds,
        apcer,
        bpcer,
        float((apcer[crossing] + bpcer[crossing]) / 2),
        {level: float(bpcer[apcer <= level].min()) for level in ATTACK_LEVELS},
        {level: float(apcer[bpcer <= level].min()) for level in ATTACK_LEVELS},
    )


def area(live: NDArray[np.float64], attack: NDArray[np.float64]) -> float:
    """Return the chance that a living person scores above an attack, ties half (Mann, Whitney, 1947); nan if empty."""
    if not len(live) or not len(attack):
        return float("nan")
    ordered = np.sort(attack)
    below = np.searchsorted(ordered, live, side="left") + np.searchsorted(ordered, live, side="right")
    return float(below.mean() / 2 / len(attack))


def separation(live: Scored, attack: Scored) -> Estimate:
    """Return :func:`area` of the scores of living people and of one kind of attack, with its interval."""
    value = area(live.scores, attack.scores)
    return area_estimate(value, len(live.scores), len(attack.scores))


def reliability(live: NDArray[np.float64], attack: NDArray[np.float64], bins: int = 10) -> list[dict[str, float]]:
    """Compare scores with what they claim, living people and attacks counting the same.

    Returns:
        Per bin with scores in it: ``score``, the mean score; ``live``, the share of living people; ``weight``, the
        share of all that lies in the bin.
    """
    scores = np.concatenate([live, attack])
    target = np.concatenate([np.ones(len(live)), np.zeros(len(attack))])
    weight = np.concatenate([np.full(len(one), 0.5 / len(one)) for one in (live, attack) if len(one)])
    place = np.minimum((scores * bins).astype(np.int64), bins - 1)
    rows = []
    for index in range(bins):
        inside = place == index
        total = float(weight[inside].sum())
        if total > 0.0:
            means = {"score": scores, "live": target}
            row = {name: float(weight[inside] @ values[inside]) / total for name, values in means.items()}
            rows.append({**row, "weight": total})
    return rows


def calibration_error(rows: Sequence[Mapping[str, float]]) -> float:
    """Return the expected calibration error of :func:`reliability`'s rows, 0 to 1."""
    total = sum(row["weight"] for row in rows)
    return float("nan") if not total else sum(row["weight"] * abs(row["score"] - row["live"]) for row in rows) / total
