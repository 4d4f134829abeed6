"""The report on verification: everything measured on one file of pairs."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from faceid.evaluate import cohorts as by_cohort
from faceid.evaluate.acquisition import Acquisition
from faceid.evaluate.cohorts import Cohorts
from faceid.evaluate.errors import TooLittleData
from faceid.evaluate.folder import names
from faceid.evaluate.intervals import rate_over_people
from faceid.evaluate.pairs import Pairs
from faceid.evaluate.report import DEFAULTS, Report, cohort_lines, failure_line, failures, histogram, percent, sampled
from faceid.evaluate.verification import (
    Comparisons,
    curve,
    equal_error_rate,
    fold_accuracy,
    true_accept_rate,
)

FALSE_ACCEPT_RATES = (0.1, 0.01, 0.001, 0.0001)


@dataclass(frozen=True, slots=True)
class VerificationRun:
    """What a verification report is made of."""

    pairs: Pairs
    acquired: Acquisition
    comparisons: Comparisons


def compare(pairs: Pairs, acquired: Acquisition) -> VerificationRun:
    """Score all pairs at once; a pair with a picture that gave no embedding scores -inf.

    Raises:
        TooLittleData: no pair of one kind has two embeddings.
    """
    first, second = [pair.first for pair in pairs.pairs], [pair.second for pair in pairs.pairs]
    codes = names([*first, *second])
    one = acquired.of(picture.path for picture in first)
    two = acquired.of(picture.path for picture in second)
    scores = np.einsum("nd,nd->n", one, two).astype(np.float64)
    comparisons = Comparisons(
        np.where(np.isnan(scores), -np.inf, np.clip(scores, -1.0, 1.0)),
        np.array([pair.same for pair in pairs.pairs]),
        np.array([codes[picture.person] for picture in first], dtype=np.int64),
        np.array([codes[picture.person] for picture in second], dtype=np.int64),
        np.array([pair.fold for pair in pairs.pairs], dtype=np.int64),
    )
    usable = comparisons.same[np.isfinite(comparisons.scores)]
    if usable.all() or not usable.any():
        raise TooLittleData(
            f"Of {len(pairs.pairs)} pairs {len(usable)} have two embeddings, not of both kinds.",
            expected="usable pairs of one person and of two people.",
            remedy="Look at the pictures, or measure with --quality any.",
        )
    return VerificationRun(pairs, acquired, comparisons)


def report(run: VerificationRun, images: Path, threshold: float, cohorts: Cohorts | None = None) -> Report:
    """Compute every figure of a verification.

    Args:
        run: from :func:`compare`.
        images: folder the names of failed pictures are relative to.
        threshold: cosine of the operating point and of the cohort table.
        cohorts: labels somebody gave.
    """
    comparisons = run.comparisons
    thresholds, fmr, fnmr = _curve(comparisons)
    first, second = ([getattr(pair, side) for pair in run.pairs.pairs] for side in ("first", "second"))
    kept = np.isfinite(comparisons.scores)
    return {
        "counts": {
            "genuine": int(comparisons.same.sum()),
            "impostor": int((~comparisons.same).sum()),
            "people": comparisons.people,
            "folds": run.pairs.folds,
            "folds_of_the_file": run.pairs.own_folds,
            "pairs_left_out": run.pairs.missing,
            "pairs_without_score": int((~kept).sum()),
        },
        "failures": failures(run.acquired, images),
        "accuracy": fold_accuracy(comparisons),
        "accuracy_of_scored_pairs": fold_accuracy(_only(comparisons, kept)),
        "equal_error_rate": equal_error_rate(comparisons),
        "true_accept_rates": [true_accept_rate(comparisons, far) for far in FALSE_ACCEPT_RATES],
        "operating_point": _rates(comparisons, threshold),
        "defaults": {name: _rates(comparisons, value) for name, value in DEFAULTS.items()},
        "cohorts": None if cohorts is None else by_cohort.compared(cohorts, comparisons, first, second, threshold),
        "curve": {"thresholds": thresholds, "fmr": fmr, "fnmr": fnmr},
        "histograms": {"genuine": histogram(comparisons.genuine), "impostor": histogram(comparisons.impostor)},
    }


def lines(run: VerificationRun, figures: Report) -> list[str]:
    """Write the figures that matter for people, one line each."""
    counts, accuracy, point = figures["counts"], figures["accuracy"], figures["operating_point"]
    folds = f"{counts['folds']} folds" + ("" if counts["folds_of_the_file"] else ", dealt out")
    found = [
        failure_line(run.acquired),
        f"{counts['genuine']:,} genuine and {counts['impostor']:,} impostor pairs of {counts['people']:,} people; "
        f"{counts['pairs_without_score']} without score, counted as non-matches",
        f"accuracy {100 * accuracy.mean:.2f} % ± {100 * accuracy.standard_error:.2f} ({folds})",
        f"accuracy of the pairs with two embeddings {100 * figures['accuracy_of_scored_pairs'].mean:.2f} %",
        f"equal error rate {percent(figures['equal_error_rate'])}",
    ]
    for rate in figures["true_accept_rates"]:
        doubt = "" if rate.resolved else "  (too few impostor pairs to rely on)"
        found.append(f"TAR at FAR {rate.far:g}: {percent(rate.tar)} at cosine {rate.threshold:.4f}{doubt}")
    found.append(
        f"at cosine {point['threshold']:.4f}: FNMR {percent(point['fnmr'])}, FMR {percent(point['fmr'])}"
    )  # fmt: skip
    return found + cohort_lines(figures["cohorts"] or [], "FNMR", "FMR")


def _rates(comparisons: Comparisons, threshold: float) -> Report:
    passed, same = comparisons.scores >= threshold, comparisons.same
    return {
        "threshold": threshold,
        "fnmr": rate_over_people(~passed[same], comparisons.first[same]),
        "fmr": rate_over_people(passed[~same], comparisons.first[~same]),
    }


def _only(comparisons: Comparisons, kept: np.typing.NDArray[np.bool_]) -> Comparisons:
    return replace(
        comparisons, scores=comparisons.scores[kept], same=comparisons.same[kept], first=comparisons.first[kept],
        second=comparisons.second[kept], folds=comparisons.folds[kept],
    )  # fmt: skip


def _curve(comparisons: Comparisons) -> list[np.typing.NDArray[np.float64]]:
    whole = curve(comparisons.genuine, comparisons.impostor)
    return sampled(whole.thresholds, whole.fmr, whole.fnmr)
