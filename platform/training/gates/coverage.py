"""How much of the catalogue a model would show to anybody."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recsys.features import ITEM_WORDS, PICTURE, Feeds

MOST_VIEWERS, MOST_CREATIVES, FEWEST_CREATIVES = 64, 400, 10
DEPTH = 10

Score = Callable[[Feeds], NDArray[np.float32]]


def coverage(score: Score, feeds: Feeds) -> float | None:
    """Return the share of creatives that are among the first of at least one viewer; None below ten creatives.

    Sampled evenly over the rows: up to 64 viewers as they stood there, up to 400 creatives. "Among the first" means the
    first ten, or the first tenth where there are fewer than a hundred. Ge, Delgado-Battenfeld and Jannach, RecSys 2010.

    Args:
        score: scores rows of feeds, float32, shape (rows,).
        feeds: rows of the log, in any order.
    """
    items = catalogue(feeds)
    count = len(items["creative"])
    if count < FEWEST_CREATIVES:
        return None
    rows = len(feeds["creative"])
    viewers = np.unique(np.linspace(0, rows - 1, min(rows, MOST_VIEWERS)).astype(np.intp))
    pairs = {
        name: np.concatenate([items[name]] * len(viewers)) if name in items else np.repeat(ids[viewers], count, axis=0)
        for name, ids in feeds.items()
    }
    scores = score(pairs).reshape(len(viewers), count)
    depth = min(DEPTH, max(count // 10, 1))
    first = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    return len(np.unique(first)) / count


def catalogue(feeds: Feeds) -> Feeds:
    """Return the item features of the creatives in the rows, sampled evenly: int32, shape (creatives, 1).

    Their pictures as well, where they have some: float32, shape (creatives, 1, width).
    """
    _, rows = np.unique(feeds["creative"][:, 0], return_index=True)
    if len(rows) > MOST_CREATIVES:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_CREATIVES).astype(np.intp)]
    return {name: feeds[name][rows] for name in (*ITEM_WORDS, PICTURE) if name in feeds}
