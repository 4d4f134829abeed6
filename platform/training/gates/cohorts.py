"""Groups of rows that a better average must not be bought with: by place, by whether the viewer is known, by novelty.

No protected attribute is among them, since none is in the log.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from recsys.features import DEFAULT_SPEC
from recsys.hashing import identifier
from recsys.training.later import Later

MOST_VALUES = 12
"""Values of one dimension that are judged: those with the most rows."""

Masks = dict[str, NDArray[np.bool_]]


def cohorts(later: Later) -> Masks:
    """Return which test rows are of which cohort, by names like ``scene=lobby``; each mask has shape (rows,)."""
    found: Masks = {}
    for name, values in later.words.items():
        found |= _by_word(name, values, later.test.feeds[name][:, 0], DEFAULT_SPEC.sizes[name])
    known = later.test.viewer.codes >= 0
    found |= {"viewer=known": known, "viewer=anonymous": ~known}
    new = _new_creatives(later)
    found |= {"creative=new": new, "creative=known": ~new}
    return {name: mask for name, mask in found.items() if mask.any()}


def _by_word(name: str, values: Iterable[str], ids: NDArray[np.int32], size: int) -> Masks:
    """Return a mask for each word; words that share an id cannot be told apart and share a cohort."""
    named: dict[int, list[str]] = {}
    for word in sorted(values):
        named.setdefault(identifier(name, word, size), []).append(word or "none")
    present, rows = np.unique(ids, return_counts=True)
    largest = present[np.argsort(-rows, kind="stable")][:MOST_VALUES]
    return {f"{name}={' or '.join(named[code])}": ids == code for code in largest.tolist() if code in named}


def _new_creatives(later: Later) -> NDArray[np.bool_]:
    words = later.test.creative
    unseen = np.array([word not in later.creatives for word in words.vocabulary] or [False])
    new: NDArray[np.bool_] = unseen[words.codes]
    return new
