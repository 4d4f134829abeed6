"""Gradient-boosted trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.benchmark.models.model import Model, Say, Scores
from recsys.benchmark.prepared import HISTORY, Prepared, Rows

ROUNDS, PATIENCE = 1_000, 50
MOST_CATEGORIES = 1_000
FEW_ROWS = 50_000
"""Below this, threads wait for each other longer than they work."""
SETTINGS = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


class Trees(Model):
    """LightGBM with early stopping on the validation part.

    Features: like-rates and counts of item and user, numbers as they are, categorical columns but users and items; with
    histories the number of liked items and, for each categorical column of items, the share of the newest fifty
    that have the item's own value.
    """

    seeded = True

    def __init__(self) -> None:
        self.model: Any = None

    def fit(self, data: Prepared, *, seed: int, say: Say) -> int:
        """Add trees until the validation log loss stops falling."""
        import lightgbm

        columns, categorical = self._columns(data, data.train)
        train = lightgbm.Dataset(columns, data.train.labels, categorical_feature=categorical, free_raw_data=False)
        later = lightgbm.Dataset(self._columns(data, data.validation)[0], data.validation.labels, reference=train)
        self.model = lightgbm.train(
            SETTINGS | {"seed": seed, "num_threads": 1 if len(data.train) < FEW_ROWS else 2},
            train,
            num_boost_round=ROUNDS,
            valid_sets=[later],
            callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
        )
        loss = self.model.best_score["valid_0"]["binary_logloss"]
        say(f"{self.model.best_iteration} trees: validation log loss {loss:.4f}")
        return 1

    def score(self, data: Prepared, rows: Rows) -> Scores:
        """Give the log-odds."""
        columns, _ = self._columns(data, rows)
        found: Scores = self.model.predict(columns, num_iteration=self.model.best_iteration, raw_score=True)
        return found

    def _columns(self, data: Prepared, rows: Rows) -> tuple[NDArray[np.float64], list[int]]:
        binned = rows.numbers.shape[1]
        categories = [place for place in range(2, len(data.features) - binned) if data.sizes[place] <= MOST_CATEGORIES]
        parts: list[NDArray[Any]] = [rows.ids[:, categories], rows.rates, rows.numbers]
        if data.histories:
            parts.append(self._affinities(data, rows))
        return np.concatenate(parts, axis=1, dtype=np.float64), list(range(len(categories)))

    def _affinities(self, data: Prepared, rows: Rows) -> NDArray[np.float64]:
        newest = data.newest(rows, HISTORY)
        known = newest >= 0
        lengths = np.maximum(known.sum(axis=1), 1)
        shares = [(rows.stop - rows.start).astype(np.float64)]
        for place, role in enumerate(data.roles):
            if role == "item" and place > 1:
                same = (data.item_ids[newest, place] == rows.ids[:, [place]]) & known
                shares.append(same.sum(axis=1) / lengths)
        return np.stack(shares, axis=1)
