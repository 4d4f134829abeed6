"""Whether a trained model may replace the champion: both are measured on the same rows, which neither learnt from."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.serving.ranker import Ranker
from recsys.training.dataset import Examples, Split, read_dataset, split_by_time
from recsys.training.metrics import Metrics, measure

LOG_LOSS_TOLERANCE = 0.002
"""Nats by which a challenger may be worse: the spread between seeds on MovieLens-100k is of this size."""
AUC_TOLERANCE = 0.005
BASE_RATE_MARGIN = 1e-4
"""Nats by which a model must beat the constant forecast."""
PRIOR_ROWS = 20.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures on the test rows.

    Attributes:
        base_rate: of the forecast that knows only the rate of each source's earlier rows.
        champion: None when there is none, or none that can be asked.
    """

    challenger: Metrics
    base_rate: Metrics
    champion: Metrics | None

    def document(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        return {
            "test": asdict(self.challenger),
            "base_rate": asdict(self.base_rate),
            "champion": asdict(self.champion) if self.champion else None,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the challenger may serve, and why or why not."""

    passes: bool
    reason: str


def compare(dataset: Path, challenger: Ranker, champion: Ranker | None) -> Measured:
    """Measure both models, as they serve, on the later-in-time test part of a dataset."""
    split = split_by_time(read_dataset(dataset))
    return Measured(
        challenger=_measure(challenger, split.test),
        base_rate=measure(split.test.labels, constant_forecast(split), split.test.viewer.codes),
        champion=_measure(champion, split.test) if champion else None,
    )


def judge(measured: Measured, *, champion_must_go: bool = False) -> Verdict:
    """Decide on figures alone.

    Args:
        champion_must_go: it learnt from somebody who was erased since; any model that has learnt something is better.
    """
    challenger, champion, floor = measured.challenger, measured.champion, measured.base_rate.log_loss
    if challenger.log_loss > floor - BASE_RATE_MARGIN:
        return Verdict(
            False, f"Its log loss {challenger.log_loss:.4f} does not beat the constant forecast's {floor:.4f}."
        )
    if challenger.auc is None or challenger.auc <= 0.5:
        return Verdict(False, "It ranks no better than chance.")
    if champion is None:
        return Verdict(True, f"It beats the constant forecast: log loss {challenger.log_loss:.4f} against {floor:.4f}.")
    if champion_must_go:
        return Verdict(True, "It replaces a model that had learnt from somebody who was erased.")
    worse = challenger.log_loss - champion.log_loss
    if worse > LOG_LOSS_TOLERANCE:
        return Verdict(
            False, f"Its log loss {challenger.log_loss:.4f} is worse than the champion's {champion.log_loss:.4f}."
        )
    if champion.auc is not None and challenger.auc < champion.auc - AUC_TOLERANCE:
        return Verdict(False, f"Its AUC {challenger.auc:.4f} is worse than the champion's {champion.auc:.4f}.")
    return Verdict(
        True,
        f"Log loss {challenger.log_loss:.4f} against the champion's {champion.log_loss:.4f},"
        f" AUC {challenger.auc:.4f} against {champion.auc or 0:.4f}, on the same {challenger.rows} rows.",
    )


def constant_forecast(split: Split) -> NDArray[np.float64]:
    """Give every test row the rate of its source's earlier rows, drawn to the overall rate by twenty rows.

    By source, since a log of ratings and a log of clicks differ fiftyfold in their rates, and knowing only which is
    which must not count as having learnt something. Shape (rows of test,).
    """
    labels = np.concatenate([split.train.labels, split.validation.labels]).astype(np.float64)
    sources = np.concatenate([split.train.source.codes, split.validation.source.codes])
    count = len(split.test.source.vocabulary)
    rows = np.bincount(sources, minlength=count)
    positives = np.bincount(sources, weights=labels, minlength=count)
    rates = (positives + PRIOR_ROWS * labels.mean()) / (rows + PRIOR_ROWS)
    forecast: NDArray[np.float64] = rates[split.test.source.codes]
    return forecast


def _measure(ranker: Ranker, test: Examples) -> Metrics:
    return measure(test.labels, ranker.score(test.feeds), test.viewer.codes)
