"""Logistic regression on one-hot features."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys.benchmark.models.model import Model, Say, Scores
from recsys.benchmark.prepared import HISTORY, Prepared, Rows
from recsys.training.metrics import log_loss

STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0)
MOST_ITERATIONS = 200


class Logistic(Model):
    """scikit-learn's logistic regression; its strength is chosen on the validation part.

    Features: every categorical column one-hot, numbers in ten bins; with histories the newest fifty liked items as
    well, each weighted by one over the square root of their number.
    """

    def __init__(self) -> None:
        self.model: Any = None

    def fit(self, data: Prepared, *, seed: int, say: Say) -> int:
        """Fit once for every strength."""
        from sklearn.linear_model import LogisticRegression

        del seed
        train, later = self._design(data, data.train), self._design(data, data.validation)
        best: tuple[float, Any] | None = None
        for strength in STRENGTHS:
            model = LogisticRegression(C=strength, max_iter=MOST_ITERATIONS, tol=1e-3).fit(train, data.train.labels)
            loss = log_loss(data.validation.labels, model.predict_proba(later)[:, 1])
            say(f"C {strength:g}: validation log loss {loss:.4f}")
            if best is None or loss < best[0]:
                best = loss, model
        assert best is not None
        self.model = best[1]
        return 1

    def score(self, data: Prepared, rows: Rows) -> Scores:
        """Give the log-odds."""
        found: Scores = self.model.decision_function(self._design(data, rows))
        return found

    def _design(self, data: Prepared, rows: Rows) -> Any:
        from scipy.sparse import csr_matrix, hstack

        offsets = np.concatenate(([0], np.cumsum(data.sizes)))
        count = len(data.features)
        columns = (rows.ids + offsets[:-1]).reshape(-1)
        one_hot = csr_matrix(
            (np.ones(len(columns)), columns, np.arange(0, len(columns) + 1, count)), shape=(len(rows), int(offsets[-1]))
        )
        if not data.histories:
            return one_hot
        newest = data.newest(rows, HISTORY)
        row, place = np.nonzero(newest >= 0)
        lengths = np.bincount(row, minlength=len(rows))
        liked = csr_matrix((1 / np.sqrt(lengths[row]), (row, newest[row, place])), shape=(len(rows), data.items))
        return hstack([one_hot, liked], format="csr")
