"""What training found out on people held out, for the manifest: rates by species, with intervals and counts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from faceid.evaluate.intervals import Estimate, area_estimate, mean_of, rate_over_people, wilson
from faceid.evaluate.liveness import area
from faceid.liveness.policy import Purpose

MADE: Final = "made"
RECORDED: Final = "recorded"
"""Where attacks come from: code made them of photographs of the living, or a camera saw them."""

MEANS: Final = (
    "on people and frames that no machine was fitted on, but fusion and thresholds were; 95 % intervals, the wider of "
    "those over frames and over people, of areas over frames; made species say nothing of how real attacks fare"
)


def findings(
    scores: NDArray[np.float64],
    species: Sequence[str | None],
    people: Sequence[int],
    thresholds: Mapping[Purpose, float],
    attacks: Mapping[str, Collection[str]],
) -> dict[str, Any]:
    """Measure the fused scores of what was held out.

    Args:
        scores: probabilities of a living person, shape (n,).
        species: of each, None for living people; both occur.
        people: number of the person seen or imitated, of each.
        thresholds: by purpose.
        attacks: by species, where its attacks come from.

    Returns:
        Plain JSON values: per purpose ``apcer`` by species, ``worst``, ``bpcer`` and ``acer``; ``auc`` by species;
        ``attacks``, ``presentations``, ``people`` and ``means``. Rates are objects of value, low, high and trials.
    """
    kinds, codes = np.array([one or "" for one in species]), np.array(people, dtype=np.int64)
    names = sorted(set(kinds.tolist()) - {""})
    found: dict[str, Any] = {
        purpose.value: _point(scores >= threshold, kinds, codes, names) for purpose, threshold in thresholds.items()
    }
    living = scores[kinds == ""]
    areas = {
        name: area_estimate(area(living, theirs), len(living), len(theirs))
        for name in names
        for theirs in [scores[kinds == name]]
    }
    return {
        **found,
        "auc": {name: asdict(one) for name, one in areas.items()},
        "attacks": {name: sorted(attacks[name]) for name in names},
        "presentations": {"live": len(living), **{name: int((kinds == name).sum()) for name in names}},
        "people": len(set(people)),
        "means": MEANS,
    }


def _point(
    passed: NDArray[np.bool_], kinds: NDArray[np.str_], people: NDArray[np.int64], names: Sequence[str]
) -> dict[str, Any]:
    apcer = {name: _rate(passed[kinds == name], people[kinds == name]) for name in names}
    bpcer = _rate(~passed[kinds == ""], people[kinds == ""])
    worst = max(names, key=lambda name: (apcer[name].value, name))
    rates: dict[str, Estimate] = {"bpcer": bpcer, "acer": mean_of(apcer[worst], bpcer)}
    return {
        "apcer": {name: asdict(one) for name, one in apcer.items()},
        "worst": worst,
        **{name: asdict(one) for name, one in rates.items()},
    }


def _rate(hits: NDArray[np.bool_], people: NDArray[np.int64]) -> Estimate:
    """Estimate a share of frames; of a handful of people, resampling alone gives intervals that are too narrow."""
    over_people, over_frames = rate_over_people(hits, people), wilson(int(hits.sum()), len(hits))
    low, high = min(over_people.low, over_frames.low), max(over_people.high, over_frames.high)
    return Estimate(over_people.value, low, high, over_people.trials)
