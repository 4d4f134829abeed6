"""Whether a trained model may replace the champion: both are measured on the same rows, which neither learnt from.

The champion may have learnt from some of them, since it was trained on an earlier log whose rows may have been split
otherwise; that favours the champion, never the challenger.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.pictures.looks import Looks
from recsys.serving.ranker import Ranker
from recsys.shares import smoothed
from recsys.training.later import Later, read_later
from recsys.training.metrics import Metrics
from registry.terms import Gates
from training.gates.check import Check
from training.gates.checks import Rows, absolute_checks, relative_checks
from training.gates.cohorts import cohorts
from training.gates.coverage import coverage

COHORT_WORDS = ("venue_category", "scene")


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures on the test rows, and the rows themselves.

    Attributes:
        base_rate: of the forecast that knows only the rate of each source's earlier rows.
        champion: None when there is none, or none that can be asked.
    """

    challenger: Metrics
    base_rate: Metrics
    champion: Metrics | None
    rows: Rows

    def document(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        return {
            "test": asdict(self.challenger),
            "base_rate": asdict(self.base_rate),
            "champion": asdict(self.champion) if self.champion else None,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the challenger may serve, and why or why not, gate by gate."""

    passes: bool
    reason: str
    checks: tuple[Check, ...]

    def document(self) -> list[dict[str, Any]]:
        """Return the gates as JSON, those that do not pass first."""
        ordered = sorted(self.checks, key=lambda check: (check.passes, not check.judged))
        return [check.document() for check in ordered]


def compare(later: Later, challenger: Ranker, champion: Ranker | None) -> Measured:
    """Measure both models, as they serve, on the later-in-time test part of a dataset."""
    test, vision = later.test, later.test.vision
    own = challenger.seeing(test.feeds, vision)
    theirs = champion.seeing(test.feeds, vision) if champion else test.feeds
    rows = Rows(
        labels=test.labels.astype(np.float64),
        forecast=constant_forecast(later),
        challenger=challenger.score(own).astype(np.float64),
        champion=champion.score(theirs).astype(np.float64) if champion else None,
        viewers=test.viewer.codes.astype(np.intp),
        cohorts=cohorts(later),
        coverage=(coverage(challenger.score, own), coverage(champion.score, theirs) if champion else None),
    )
    return Measured(
        challenger=rows.metrics(rows.challenger),
        base_rate=rows.metrics(rows.forecast),
        champion=rows.metrics(rows.champion) if rows.champion is not None else None,
        rows=rows,
    )


def judge(measured: Measured, terms: Gates, *, champion_must_go: bool = False) -> Verdict:
    """Decide on figures alone.

    Args:
        champion_must_go: it learnt from somebody who was erased since; any model that has learnt something is better.
    """
    checks = absolute_checks(measured.rows, terms)
    if not champion_must_go:
        checks += relative_checks(measured.rows, terms)
    failed = [check for check in checks if not check.passes]
    if failed:
        return Verdict(False, " ".join(check.sentence for check in failed), tuple(checks))
    return Verdict(True, _praise(measured, champion_must_go=champion_must_go), tuple(checks))


def read(dataset: Path, looks: Looks | None = None) -> Later:
    """Read the rows of a dataset that the training held back, with what its creatives look like."""
    return read_later(dataset, COHORT_WORDS, looks=looks)


def constant_forecast(later: Later) -> NDArray[np.float64]:
    """Give every test row the rate of its source's earlier rows, drawn to the overall rate by twenty rows.

    By source, since a log of ratings and a log of clicks differ fiftyfold in their rates, and knowing only which is
    which must not count as having learnt something. Shape (rows of test,).
    """
    rows, positives = np.array(list(later.earlier.values())).T
    base = positives.sum() / rows.sum()
    rates = dict(zip(later.earlier, smoothed(positives, rows, base), strict=True))
    forecast: NDArray[np.float64] = np.array([rates[word] for word in later.test.source.vocabulary])[
        later.test.source.codes
    ]
    return forecast


def _praise(measured: Measured, *, champion_must_go: bool) -> str:
    challenger, champion, floor = measured.challenger, measured.champion, measured.base_rate.log_loss
    if champion_must_go:
        return "It replaces a model that had learnt from somebody who was erased."
    if champion is None:
        return f"It beats the constant forecast: log loss {challenger.log_loss:.4f} against {floor:.4f}."
    return (
        f"Log loss {challenger.log_loss:.4f} against the champion's {champion.log_loss:.4f},"
        f" AUC {challenger.auc or 0:.4f} against {champion.auc or 0:.4f}, on the same {challenger.rows} rows."
    )
