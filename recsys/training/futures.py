"""What followed each example of a log: labels that lie after it, for a network that is to expect them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from recsys.features import Feeds
from recsys.training.dataset import Examples

SOONEST, LATEST = timedelta(hours=1), timedelta(days=7)
"""A return visit begins this long after the example; what is sooner belongs to the same visit."""


@dataclass(frozen=True, slots=True)
class Futures:
    """Histories and what came after them.

    Attributes:
        feeds: the histories, newest first, as the specification has them, int32, (rows, places).
        targets: float32, (rows, 3), NaN where nobody knows: id of the category engaged with next, logarithm of one
            more than the seconds of dwell, 1 for a return visit and 0 for none.
    """

    feeds: Feeds
    targets: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def known(self) -> NDArray[np.intp]:
        """Rows whose next category is known."""
        return np.flatnonzero(np.isfinite(self.targets[:, 0]))


def futures(examples: Examples) -> Futures:
    """Take the examples of viewers who have a history; nothing after the part itself is looked at.

    The next category is known where the example was engaged with, the dwell where it was measured. Whether somebody
    comes back is known of those with a name where the part goes on for a week: to count who came back sooner, and
    nobody who did not, would make everybody seem to come back.
    """
    targets = np.full((len(examples), 3), np.nan, dtype=np.float32)
    engaged = examples.labels == 1
    targets[engaged, 0] = examples.feeds["category"][engaged, 0]
    seconds = examples.tasks.get("dwell_seconds")
    if seconds is not None:
        targets[:, 1] = np.log1p(np.maximum(seconds, 0))
    targets[:, 2] = returns(examples.viewer.codes, examples.at)
    chosen = (examples.feeds["history_length"][:, 0] > 0) & np.isfinite(targets).any(axis=1)
    feeds = {name: examples.feeds[name][chosen] for name in ("history_creative", "history_category")}
    return Futures(feeds, targets[chosen])


def returns(viewers: NDArray[np.int32], at: NDArray[np.int64]) -> NDArray[np.float32]:
    """Tell whether somebody came back between an hour and a week later.

    Args:
        viewers: codes, -1 for anonymous, shape (rows,).
        at: microseconds, shape (rows,).

    Returns:
        1 or 0, NaN for the anonymous and where the log ends before the week does; float32, shape (rows,).
    """
    if not len(at):
        return np.zeros(0, dtype=np.float32)
    soonest, latest = (round(delay.total_seconds()) for delay in (SOONEST, LATEST))
    moments = (at - at.min()) // 1_000_000
    span = int(moments.max()) + latest + 1
    keys = viewers.astype(np.int64) * span + moments
    order = np.sort(keys[viewers >= 0])
    first = np.searchsorted(order, keys + soonest)
    until = np.searchsorted(order, keys + latest, side="right")
    known = (viewers >= 0) & (moments + latest <= moments.max())
    return np.where(known, until > first, np.nan).astype(np.float32)
