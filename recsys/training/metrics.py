"""How good scores are, in numpy.

All functions take labels (0 or 1) and scores of shape (rows,); those with groups take int codes of shape (rows,), of
which negative ones (anonymous viewers) belong to no group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15


@dataclass(frozen=True, slots=True)
class Metrics:
    """Quality of scores on one set of rows; None where it is not defined there.

    Attributes:
        rows, positives: how many.
        auc: area under the ROC curve, 0.5 is chance.
        gauc: AUC within each viewer, weighted by the viewer's rows.
        log_loss: nats per row.
        ece: expected calibration error, in probability.
        ndcg: NDCG@10 within each viewer, averaged over viewers.
    """

    rows: int
    positives: int
    auc: float | None
    gauc: float | None
    log_loss: float
    ece: float
    ndcg: float | None


def measure(labels: ArrayLike, scores: ArrayLike, groups: ArrayLike) -> Metrics:
    """Compute all metrics at once."""
    labels, scores, groups = np.asarray(labels), np.asarray(scores, dtype=np.float64), np.asarray(groups)
    return Metrics(
        rows=len(labels),
        positives=int(labels.sum()),
        auc=auc(labels, scores),
        gauc=grouped_auc(labels, scores, groups),
        log_loss=log_loss(labels, scores),
        ece=expected_calibration_error(labels, scores),
        ndcg=ndcg(labels, scores, groups),
    )


def auc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Estimate how likely a random positive scores above a random negative, ties counting half; None for one class.

    The Mann-Whitney statistic: Hanley and McNeil, Radiology 143(1), 1982.
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    positives = float((labels == 1).sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    ranks = _midranks(scores)
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def grouped_auc(labels: ArrayLike, scores: ArrayLike, groups: ArrayLike) -> float | None:
    """Average the AUC within each group, weighted by the group's rows; None if no group holds both labels.

    Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, section 6.2.
    """
    values = [(len(rows), auc(labels_of, scores_of)) for rows, labels_of, scores_of in _grouped(labels, scores, groups)]
    weighted = [(weight, value) for weight, value in values if value is not None]
    if not weighted:
        return None
    return float(sum(weight * value for weight, value in weighted) / sum(weight for weight, _ in weighted))


def log_loss(labels: ArrayLike, scores: ArrayLike) -> float:
    """Average the negative log-likelihood of the labels, in nats; scores are kept 1e-7 away from 0 and 1."""
    labels = np.asarray(labels, dtype=np.float64)
    scores = np.clip(np.asarray(scores, dtype=np.float64), 1e-7, 1 - 1e-7)
    return float(-(labels * np.log(scores) + (1 - labels) * np.log(1 - scores)).mean())


def expected_calibration_error(labels: ArrayLike, scores: ArrayLike, bins: int = BINS) -> float:
    """Average the gap between predicted and observed rate over bins of equal width, weighted by rows.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, eq. 5, for the probability of the positive class.
    """
    labels, scores = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    bin_of = np.minimum((scores * bins).astype(np.intp), bins - 1)
    gaps = np.bincount(bin_of, weights=labels - scores, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def ndcg(labels: ArrayLike, scores: ArrayLike, groups: ArrayLike, depth: int = 10) -> float | None:
    """Average the normalised discounted cumulative gain at a depth over groups with a positive; None if there is none.

    Järvelin and Kekäläinen, ACM TOIS 20(4), 2002, with binary gains and a discount of log2(rank + 1).
    """
    values = []
    for _, labels_of, scores_of in _grouped(labels, scores, groups):
        if not labels_of.any():
            continue
        order = np.argsort(-scores_of, kind="stable")
        values.append(_gain(labels_of[order], depth) / _gain(np.sort(labels_of)[::-1], depth))
    return float(np.mean(values)) if values else None


def _gain(labels: NDArray[np.generic], depth: int) -> float:
    top = labels[:depth].astype(np.float64)
    return float((top / np.log2(np.arange(2, len(top) + 2))).sum())


def _grouped(
    labels: ArrayLike, scores: ArrayLike, groups: ArrayLike
) -> list[tuple[NDArray[np.intp], NDArray[np.generic], NDArray[np.float64]]]:
    labels, scores, groups = np.asarray(labels), np.asarray(scores, dtype=np.float64), np.asarray(groups)
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] >= 0]
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    return [(rows, labels[rows], scores[rows]) for rows in np.split(order, edges) if len(rows)]


def _midranks(values: NDArray[np.generic]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    midrank: NDArray[np.float64] = last - (counts - 1) / 2
    return midrank[inverse]
