"""Earlier and later: which rows a model learns from, is chosen on, and is judged by."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.benchmark.errors import DataEmpty, OneClass, OptionsUnusable
from recsys.benchmark.log import Log

How: TypeAlias = Literal["global", "user"]
Places: TypeAlias = NDArray[np.intp]

TRAIN_SHARE, VALIDATION_SHARE = 0.8, 0.1
LEAST_STEPS = 3


class Parts(NamedTuple):
    """Places of rows in the log, ascending; every row is in at most one part."""

    train: Places
    validation: Places
    test: Places


def split(log: Log, how: How) -> Parts:
    """Split a log so that what is judged comes later than what is learnt from.

    ``global``: every row of a part is strictly later than every row of the part before. ``user``: so it is within each
    user, while what others do later may be learnt from; rows without a user are one user. Rows of one instant stay
    together, in the later part. Sequences: each user's last step is the test, the one before it the validation
    (leave-one-out), and users of fewer than three steps are only learnt from.

    Raises:
        OptionsUnusable: sequences are to be split globally, though their steps are no instants.
        DataEmpty: a part would be empty.
        OneClass: a part holds only one kind of label.
    """
    if log.sequences:
        if how == "global":
            raise OptionsUnusable(
                "Sequences know the order of each user's items, but no instants.",
                expected="--split user.",
                remedy="Choose it, or give a file with timestamps.",
            )
        parts = _leave_one_out(log)
    elif how == "global":
        parts = Parts(*_cut(log.at, np.arange(len(log))))
    else:
        users = _by_user(log)
        parts = Parts(*(np.sort(np.concatenate(part)) for part in zip(*(_cut(log.at, u) for u in users), strict=True)))
    _check(log, parts)
    return parts


def _cut(at: NDArray[np.int64], rows: Places) -> tuple[Places, Places, Places]:
    times = at[rows]
    first = _boundary(times, round(len(rows) * TRAIN_SHARE))
    second = _boundary(times, round(len(rows) * (TRAIN_SHARE + VALIDATION_SHARE)))
    return rows[:first], rows[first:second], rows[second:]


def _boundary(times: NDArray[np.int64], row: int) -> int:
    return len(times) if row >= len(times) else int(np.searchsorted(times, times[row], side="left"))


def _by_user(log: Log) -> list[Places]:
    order = np.argsort(log.user, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(log.user[order])) + 1)


def _leave_one_out(log: Log) -> Parts:
    last = np.full(log.user.max() + 1, -1, dtype=np.int64)
    np.maximum.at(last, log.user, log.at)
    from_end = last[log.user] - log.at
    long_enough = last[log.user] + 1 >= LEAST_STEPS
    return Parts(
        np.flatnonzero((from_end >= 2) | ~long_enough),
        np.flatnonzero((from_end == 1) & long_enough),
        np.flatnonzero((from_end == 0) & long_enough),
    )


def _check(log: Log, parts: Parts) -> None:
    for name, rows in zip(Parts._fields, parts, strict=True):
        if not len(rows):
            raise DataEmpty(
                f"The {name} part of {len(log)} rows is empty.",
                expected="rows at several instants, enough for three parts.",
                remedy="Give a longer log, the other --split, or --timestamp - when the rows are in order of time.",
            )
        if len(np.unique(log.labels[rows])) < 2:
            raise OneClass(
                f"All {len(rows)} labels of the {name} part are {log.labels[rows[0]]:.0f}.",
                expected="both 0 and 1 in each of the three parts.",
                remedy="Give a longer log, or another --positive-from.",
            )
