"""What each user had liked at each moment: histories without a look ahead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.benchmark.log import Log
from recsys.benchmark.splitting import Parts


@dataclass(frozen=True, slots=True)
class Profiles:
    """Items with a label of 1, user by user, oldest first.

    Attributes:
        items: item codes, int64, shape (positives of users,).
        start, stop: for each row of the log, where the profile of its user begins and ends at that moment, int64,
            shape (rows,); equal for rows without a user.
    """

    items: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]


def rolling(log: Log) -> Profiles:
    """Collect what each user had liked strictly before each row, as a server would know it at that moment."""
    return _profiles(log, (log.labels == 1) & (log.user >= 0))


def frozen(log: Log, parts: Parts) -> Profiles:
    """Collect what each user had liked strictly before each row and within the train part."""
    trained = np.zeros(len(log), dtype=bool)
    trained[parts.train] = True
    return _profiles(log, trained & (log.labels == 1) & (log.user >= 0))


def _profiles(log: Log, chosen: NDArray[np.bool_]) -> Profiles:
    moments, moment = np.unique(log.at, return_inverse=True)
    key = log.user * len(moments) + moment
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(key[rows], kind="stable")]
    known = key[rows]
    start = np.searchsorted(known, log.user * len(moments), side="left")
    stop = np.searchsorted(known, key, side="left")
    anonymous = log.user < 0
    return Profiles(log.item[rows], np.where(anonymous, 0, start), np.where(anonymous, 0, stop))
