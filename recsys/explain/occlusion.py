"""Shares by leaving things out, with nothing but the model as it serves: for every kind of network, sequences too.

What is known of a viewer, their key and each thing in their history, enters one after the other; the share of a thing
is what its entrance changes, averaged over orders of entering: the Shapley value. Up to eight things all subsets are
scored, which is exact (Shapley, "A value for n-person games", 1953). Beyond that the orders are sampled, each one also
backwards (Castro, Gómez and Tejada, "Polynomial calculation of the Shapley value based on sampling", 2009; antithetic
pairs: Mitchell et al., "Sampling Permutations for Shapley Value Estimation", 2022). Along every order the changes add
up to the whole difference, so that the shares are complete whatever was sampled.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import factorial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.explain.attribution import HISTORY, VIEWER, Attribution, Share
from recsys.explain.explainer import Explainer
from recsys.explain.rows import anonymous, log_odds_of, scored, unseen
from recsys.features import PICTURE, Feeds

EXACT_UP_TO = 8
PAIRS_OF_ORDERS = 12
SEED = 20_260
ROWS = 512
"""Rows scored at once, which bounds what an explanation takes in memory."""

Mask: TypeAlias = NDArray[np.bool_]
Values: TypeAlias = Callable[[Mask], NDArray[np.float64]]


class OcclusionExplainer(Explainer):
    """Explains scores of one ranker; many threads may share one explainer."""

    def explain_row(self, row: Feeds) -> Attribution:
        """Explain what the score of one encoded row owes to knowing its viewer, the same for the same row.

        The picture's share, if there is one, is what it changes for somebody anonymous.

        Args:
            row: int32 ids, shape (1, length of the feature); picture (1, 1, width).

        Raises:
            IncompleteAttribution: the shares do not add up, which only a model causes that answers otherwise each time.
        """
        keyed = bool(row["viewer"][0, 0])
        nobody = anonymous(row, self._ranker)
        score, baseline = log_odds_of(self._ranker, row), log_odds_of(self._ranker, nobody)
        players = [Share(VIEWER, None, 0.0)] if keyed else []
        players += [Share(HISTORY, place, 0.0) for place in range(int(row["history_length"][0, 0]))]
        estimate = _exact if len(players) <= EXACT_UP_TO else _sampled
        amounts = estimate(lambda kept: self._values(row, kept, keyed), len(players))
        shares = tuple(
            Share(player.feature, player.place, float(amount)) for player, amount in zip(players, amounts, strict=True)
        )
        if PICTURE in row:
            blank = log_odds_of(self._ranker, unseen(nobody))
            shares, baseline = (Share(PICTURE, None, baseline - blank), *shares), blank
        return Attribution("occlusion", score, baseline, shares).proven()

    def _values(self, row: Feeds, kept: Mask, keyed: bool) -> NDArray[np.float64]:
        """Score what is left of a viewer: calibrated log-odds, shape (subsets,)."""
        starts = range(0, len(kept), ROWS)
        return np.concatenate([scored(self._ranker, self._subsets(row, kept[at : at + ROWS], keyed)) for at in starts])

    def _subsets(self, row: Feeds, kept: Mask, keyed: bool) -> Feeds:
        """Encode subsets of what is known; a history from which something is left out closes up.

        Args:
            kept: shape (subsets, players).
            keyed: whether the first player is the viewer's key.
        """
        feeds = {name: np.repeat(ids, len(kept), axis=0) for name, ids in row.items()}
        if keyed:
            feeds["viewer"] = feeds["viewer"] * kept[:, :1].astype(np.int32)
        past = kept[:, int(keyed) :]
        length = past.shape[1]
        feeds["history_length"] = past.sum(axis=1, dtype=np.int32)[:, None]
        order = np.argsort(~past, axis=1, kind="stable")
        for name in self._ranker.spec.histories:
            ids = np.zeros_like(feeds[name])
            ids[:, :length] = np.take_along_axis(np.where(past, feeds[name][:, :length], 0), order, axis=1)
            feeds[name] = ids
        return feeds


def _exact(values: Values, count: int) -> NDArray[np.float64]:
    """Compute Shapley values over all subsets of at most eight players."""
    subsets = [frozenset(some) for size in range(count + 1) for some in combinations(range(count), size)]
    kept = np.array([[player in subset for player in range(count)] for subset in subsets], dtype=np.bool_)
    worth = dict(zip(subsets, values(kept.reshape(len(subsets), count)), strict=True))
    shares = np.zeros(count)
    for subset in subsets[:-1]:
        weight = factorial(len(subset)) * factorial(count - len(subset) - 1) / factorial(count)
        for player in set(range(count)) - subset:
            shares[player] += weight * (worth[subset | {player}] - worth[subset])
    return shares


def _sampled(values: Values, count: int) -> NDArray[np.float64]:
    """Estimate Shapley values from orders of entering and their reverses."""
    random = np.random.default_rng(SEED)
    forward = np.array([random.permutation(count) for _ in range(PAIRS_OF_ORDERS)])
    orders = np.concatenate([forward, forward[:, ::-1]])
    rank = np.argsort(orders, axis=1)
    kept = rank[:, None, :] < np.arange(count + 1)[None, :, None]
    worth = values(kept.reshape(-1, count)).reshape(len(orders), count + 1)
    shares = np.zeros(count)
    np.add.at(shares, orders, np.diff(worth, axis=1))
    return shares / len(orders)
