"""The gates: each says what was measured, what was demanded, whether it passes, and why, in a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.training.metrics import Metrics, measure
from registry.terms import Gates
from training.gates.calibration import chance_error
from training.gates.check import Check
from training.gates.resampling import (
    LEVEL,
    Difference,
    auc_difference,
    gauc_difference,
    log_loss_difference,
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
    metrics, base = rows.metrics(rows.challenger), rows.metrics(rows.forecast)
    floor = base.log_loss - terms.base_rate_margin
    learnt, auc = metrics.log_loss <= floor, metrics.auc
    ceiling = max(terms.ece_ceiling, chance_error(rows.challenger, SEED))
    beats = "beats" if learnt else "does not beat"
    return [
        Check(
            "base rate", metrics.log_loss, floor, learnt,
            f"Its log loss {metrics.log_loss:.4f} {beats} the constant forecast's {base.log_loss:.4f}.",
        ),
        Check(
            "chance", auc, 0.5, auc is not None and auc > 0.5,
            f"It ranks {'better' if auc is not None and auc > 0.5 else 'no better'} than chance:"
            f" AUC {'undefined' if auc is None else format(auc, '.4f')}.",
        ),
        Check(
            "calibration", metrics.ece, ceiling, metrics.ece <= ceiling,
            f"Its calibration error {metrics.ece:.4f} is {'within' if metrics.ece <= ceiling else 'above'}"
            f" {ceiling:.4f}, the most that is allowed or that chance explains.",
        ),
    ]  # fmt: skip


def relative_checks(rows: Rows, terms: Gates) -> list[Check]:
    """Return the gates against the champion on the same rows; none without one."""
    if rows.champion is None:
        return []
    pair = (rows.labels, rows.challenger, rows.champion)
    gauc = gauc_difference(*pair, rows.viewers, SEED)
    return [
        _less("log loss", log_loss_difference(*pair, rows.viewers, SEED), terms.log_loss_tolerance),
        _more("AUC", auc_difference(*pair, rows.viewers, SEED), terms.auc_tolerance, "the rows hold one class only"),
        _more("GAUC", gauc, terms.gauc_tolerance, "no viewer engaged with one thing and not with another"),
        _calibration(rows, rows.champion, terms),
        _coverage(rows.coverage, terms),
        *_cohorts(rows, rows.champion, terms),
    ]


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
    own, theirs = rows.metrics(rows.challenger).ece, rows.metrics(champion).ece
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
    level = 1 - (1 - LEVEL) / max(2 * len(large), 1)
    found: list[Check] = []
    for name, mask in rows.cohorts.items():
        if name not in large:
            sentence = f"{int(mask.sum())} rows are too few to judge {name} by."
            found.append(Check(f"cohort {name}", None, None, True, sentence, judged=False))
            continue
        part = (rows.labels[mask], rows.challenger[mask], champion[mask])
        loss = log_loss_difference(*part, rows.viewers[mask], SEED)
        found.append(_cohort(f"log loss of {name}", loss, loss.interval(level), terms.cohort_log_loss_tolerance, 1))
        positives = int(part[0].sum())
        if min(positives, len(part[0]) - positives) >= FEWEST_OF_A_CLASS:
            auc = auc_difference(*part, rows.viewers[mask], SEED)
            assert auc is not None
            found.append(_cohort(f"AUC of {name}", auc, auc.interval(level), terms.cohort_auc_tolerance, -1))
    return found


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
