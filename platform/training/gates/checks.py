"""The gates: each says what was measured, what was demanded, whether it passes, and why, in a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.training.metrics import Metrics, auc, expected_calibration_error, log_loss, measure
from registry.terms import Gates
from training.gates.calibration import chance_error
from training.gates.check import Check
from training.gates.resampling import (
    LEVEL,
    Difference,
    Figure,
    auc_figure,
    differences,
    gauc_figure,
    log_loss_figure,
)

SEED = 2026
FEWEST_OF_A_CLASS = 10
"""Positives and negatives without which a cohort's AUC is not judged."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What both models said about the same later rows.

    Attributes:
        labels: 0 or 1; float64, shape (rows,), like the scores.
        forecast: of the constant forecast.
        champion: None when there is none, or none that can be asked.
        viewers: whose each row is, -1 for somebody anonymous.
        cohorts: which rows are of which cohort, by name.
        coverage: of the catalogue, by the challenger and by the champion; None where it was not measured.
    """

    labels: NDArray[np.float64]
    forecast: NDArray[np.float64]
    challenger: NDArray[np.float64]
    champion: NDArray[np.float64] | None
    viewers: NDArray[np.intp]
    cohorts: Mapping[str, NDArray[np.bool_]]
    coverage: tuple[float | None, float | None] = (None, None)

    def metrics(self, scores: NDArray[np.float64]) -> Metrics:
        """Measure scores of all rows."""
        return measure(self.labels, scores, self.viewers)


def absolute_checks(rows: Rows, terms: Gates) -> list[Check]:
    """Return the gates that need no champion: it must have learnt something, and mean what it says."""
    own, base = log_loss(rows.labels, rows.challenger), log_loss(rows.labels, rows.forecast)
    ranks, error = auc(rows.labels, rows.challenger), expected_calibration_error(rows.labels, rows.challenger)
    floor = base - terms.base_rate_margin
    learnt, ranked = own <= floor, ranks is not None and ranks > 0.5
    ceiling = max(terms.ece_ceiling, chance_error(rows.challenger, SEED))
    beats = "beats" if learnt else "does not beat"
    return [
        Check(
            "base rate", own, floor, learnt, f"Its log loss {own:.4f} {beats} the constant forecast's {base:.4f}."
        ),
        Check(
            "chance", ranks, 0.5, ranked,
            f"It ranks {'better' if ranked else 'no better'} than chance:"
            f" AUC {'undefined' if ranks is None else format(ranks, '.4f')}.",
        ),
        Check(
            "calibration", error, ceiling, error <= ceiling,
            f"Its calibration error {error:.4f} is {'within' if error <= ceiling else 'above'}"
            f" {ceiling:.4f}, the most that is allowed or that chance explains.",
        ),
    ]  # fmt: skip


def relative_checks(rows: Rows, terms: Gates) -> list[Check]:
    """Return the gates against the champion on the same rows; none without one."""
    if rows.champion is None:
        return []
    pair, everything = (rows.labels, rows.challenger, rows.champion), np.ones(len(rows.labels), dtype=bool)
    asked = {
        "log loss": log_loss_figure(*pair, everything),
        "AUC": auc_figure(*pair, everything),
        "GAUC": gauc_figure(*pair, rows.viewers),
    }
    found = _told(asked, rows.viewers)
    return [
        _less("log loss", found["log loss"], terms.log_loss_tolerance),
        _more("AUC", found.get("AUC"), terms.auc_tolerance, "the rows hold one class only"),
        _more("GAUC", found.get("GAUC"), terms.gauc_tolerance, "no viewer engaged with one thing and not with another"),
        _calibration(rows, rows.champion, terms),
        _coverage(rows.coverage, terms),
        *_cohorts(rows, rows.champion, terms),
    ]


def _told(asked: Mapping[str, Figure | None], viewers: NDArray[np.intp]) -> dict[str, Difference]:
    """Return the figures that there are, with their errors, by name."""
    figures = {name: figure for name, figure in asked.items() if figure is not None}
    return dict(zip(figures, differences(list(figures.values()), viewers, SEED), strict=True))


def _less(name: str, difference: Difference, tolerance: float) -> Check:
    sentence = f"{_compared(f'Its {name}', difference, worse=1)}; it may be {tolerance:.4f} worse."
    return Check(
        name, difference.value, tolerance, difference.value <= tolerance, sentence, difference.interval()
    )  # fmt: skip


def _more(name: str, difference: Difference | None, tolerance: float, why_not: str) -> Check:
    if difference is None:
        return Check(name, None, -tolerance, True, f"Its {name} cannot be judged: {why_not}.", judged=False)
    sentence = f"{_compared(f'Its {name}', difference, worse=-1)}; it may be {tolerance:.4f} worse."
    return Check(
        name, difference.value, -tolerance, difference.value >= -tolerance, sentence, difference.interval()
    )  # fmt: skip


def _calibration(rows: Rows, champion: NDArray[np.float64], terms: Gates) -> Check:
    own, theirs = (expected_calibration_error(rows.labels, scores) for scores in (rows.challenger, champion))
    ceiling = max(theirs + terms.ece_tolerance, chance_error(rows.challenger, SEED))
    return Check(
        "calibration against the champion", own, ceiling, own <= ceiling,
        f"Its calibration error is {own:.4f}, the champion's {theirs:.4f}; at most {ceiling:.4f} is allowed.",
    )  # fmt: skip


def _coverage(coverage: tuple[float | None, float | None], terms: Gates) -> Check:
    own, theirs = coverage
    if own is None or theirs is None:
        return Check("coverage", own, None, True, "Too few creatives to judge coverage by.", judged=False)
    floor = terms.coverage_share * theirs
    return Check(
        "coverage", own, floor, own >= floor,
        f"It would show {own:.0%} of the creatives among somebody's first, the champion {theirs:.0%};"
        f" at least {floor:.0%} is demanded.",
    )  # fmt: skip


def _cohorts(rows: Rows, champion: NDArray[np.float64], terms: Gates) -> list[Check]:
    """Fail a cohort only when it is worse off for certain: with many cohorts some look worse by chance.

    Bonferroni: the intervals of all cohorts hold together 95 times in 100.
    """
    large = {name: mask for name, mask in rows.cohorts.items() if mask.sum() >= terms.cohort_rows}
    asked: dict[str, Figure | None] = {}
    for name, mask in large.items():
        pair, positives = (rows.labels, rows.challenger, champion, mask), int(rows.labels[mask].sum())
        asked[f"log loss of {name}"] = log_loss_figure(*pair)
        if min(positives, int(mask.sum()) - positives) >= FEWEST_OF_A_CLASS:
            asked[f"AUC of {name}"] = auc_figure(*pair)
    level = 1 - (1 - LEVEL) / max(len(asked), 1)
    judged = [
        _cohort(name, found, found.interval(level), terms.cohort_auc_tolerance, -1)
        if name.startswith("AUC")
        else _cohort(name, found, found.interval(level), terms.cohort_log_loss_tolerance, 1)
        for name, found in _told(asked, rows.viewers).items()
    ]
    small = {name: int(mask.sum()) for name, mask in rows.cohorts.items() if name not in large}
    return judged + [
        Check(f"cohort {name}", None, None, True, f"{count} rows are too few to judge {name} by.", judged=False)
        for name, count in small.items()
    ]


def _cohort(name: str, difference: Difference, interval: tuple[float, float], tolerance: float, worse: int) -> Check:
    """Judge one figure of one cohort; ``worse`` is 1 when more is worse, -1 when less is."""
    least = interval[0] if worse > 0 else -interval[1]
    if least > tolerance:
        told = f"more than the {tolerance:.4f} that is allowed, for certain"
    elif worse * difference.value > tolerance:
        told = f"more than the {tolerance:.4f} that is allowed, though not for certain"
    else:
        told = f"it may be {tolerance:.4f} worse"
    sentence = f"{_compared(f'The {name}', difference, worse=worse, interval=interval)}; {told}."
    return Check(name, difference.value, worse * tolerance, least <= tolerance, sentence, interval)


def _compared(what: str, difference: Difference, *, worse: int, interval: tuple[float, float] | None = None) -> str:
    """Say by how much a figure is worse or better than the champion's; ``worse`` is 1 when more is worse, else -1."""
    if difference.value == 0:
        return f"{what} is the champion's"
    low, high = interval or difference.interval()
    told = f"{low:+.4f} to {high:+.4f}{'' if low > 0 or high < 0 else ', not told apart'}"
    kind = "worse" if worse * difference.value > 0 else "better"
    return f"{what} is {kind} than the champion's by {abs(difference.value):.4f} ({told})"
