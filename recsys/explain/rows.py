"""Encoded rows of one viewer and one candidate, and what is left of them without the viewer, or the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.explain.errors import ExplanationRefused
from recsys.features import PICTURE, Context, Feeds, Item, Viewer, encode, encode_items
from recsys.serving.ranker import Ranker

PERSONAL = ("viewer", "history_length")
"""What is known of a viewer beside their histories; everything else is the place, the moment and the candidate."""
SMALLEST = 1e-7


def encode_one(
    ranker: Ranker,
    context: Context,
    viewer: Viewer,
    item: Item,
    position: int,
    picture: NDArray[np.float32] | None = None,
) -> Feeds:
    """Encode one viewer and one candidate: int32 ids, shape (1, length of the feature), and the picture (1, 1, width).

    Args:
        picture: shape (width,); None where the creative has none.
    """
    row = encode(context, [viewer], encode_items([item], ranker.spec), position, ranker.spec)
    return row if picture is None else row | {PICTURE: picture.astype(np.float32)[None, None]}


def anonymous(rows: Feeds, ranker: Ranker) -> Feeds:
    """Return the rows as they would be for somebody nobody knows anything about."""
    hidden = {*PERSONAL, *ranker.spec.histories}
    return {name: np.zeros_like(ids) if name in hidden else ids for name, ids in rows.items()}


def unseen(rows: Feeds) -> Feeds:
    """Return the rows as they would be for creatives that nobody looked at."""
    return {name: np.zeros_like(values) if name == PICTURE else values for name, values in rows.items()}


def log_odds_of(ranker: Ranker, row: Feeds) -> float:
    """Score one row: calibrated log-odds; see `scored`."""
    return float(scored(ranker, row)[0])


def scored(ranker: Ranker, rows: Feeds) -> NDArray[np.float64]:
    """Score rows: calibrated log-odds, shape (rows,).

    Raises:
        ExplanationRefused: the model does not run on them.
    """
    try:
        return log_odds(ranker.score(rows))
    except Exception as error:  # onnxruntime has no class of its own for what a graph lacks
        raise ExplanationRefused(f"the model does not run on what is to be explained: {error}") from error


def log_odds(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Turn probabilities, any shape, into log-odds; what is closer than 1e-7 to 0 or 1 counts as 1e-7 away."""
    safe = np.clip(probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST)
    found: NDArray[np.float64] = np.log(safe / (1 - safe))
    return found
