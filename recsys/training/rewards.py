"""A model of rewards for off-policy estimates: what each action earns, from rows it was not fitted on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

FOLDS = 3


def expected_rewards(
    context: NDArray[np.object_], actions: NDArray[np.int64], rewards: NDArray[np.float64], *, count: int, seed: int = 0
) -> NDArray[np.float64]:
    """Estimate the chance of a reward of 0 or 1 for every action at every row.

    Cross-fitted (Narita, Yasui and Yata, 2021): each row's figures come from a model of the other folds, since a
    doubly robust estimate with a model that saw the row is biased towards what was logged.

    Args:
        context: categories known at the choice, shape (n, columns).
        actions: int64, shape (n,), 0 to ``count`` - 1.
        rewards: 0 or 1, float64, shape (n,).
        count: actions.

    Returns:
        float64, shape (n, count), within [0, 1].
    """
    expected = np.empty((len(actions), count))
    fold = np.random.default_rng(seed).permutation(len(actions)) % FOLDS
    words = OneHotEncoder(handle_unknown="ignore").fit(_rows(context, actions))
    for number in range(FOLDS):
        learned, judged = fold != number, fold == number
        if len(np.unique(rewards[learned])) < 2:  # nothing ever earned anything, or everything did
            expected[judged] = rewards[learned].mean()
            continue
        model = LogisticRegression(C=1.0, max_iter=1000).fit(
            words.transform(_rows(context[learned], actions[learned])), rewards[learned]
        )
        for action in range(count):
            same = np.full(int(judged.sum()), action)
            expected[judged, action] = model.predict_proba(words.transform(_rows(context[judged], same)))[:, 1]
    return expected


def _rows(context: NDArray[np.object_], actions: NDArray[np.int64]) -> NDArray[np.object_]:
    return np.concatenate([context, actions[:, None].astype(object)], axis=1)
