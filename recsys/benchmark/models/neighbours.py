"""Items that the same people liked: item-item nearest neighbours."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from recsys.benchmark.models.interactions import likes
from recsys.benchmark.models.model import ProfileModel, Say, Scores, validation_quality
from recsys.benchmark.prepared import Prepared, Rows

WEIGHTINGS = ("cosine", "tf-idf")
NEIGHBOURS = (20, 100)


class Neighbours(ProfileModel):
    """Item-kNN of the library `implicit`; weighting and number of neighbours are chosen on the validation part.

    Sarwar, Karypis, Konstan and Riedl, "Item-based collaborative filtering", WWW 2001.
    """

    def __init__(self) -> None:
        self.similarity: Any = None

    def fit(self, data: Prepared, *, seed: int, say: Say) -> int:
        """Compare all pairs of items."""
        from implicit.nearest_neighbours import CosineRecommender, TFIDFRecommender
        from implicit.utils import ParameterWarning

        del seed
        matrix, best = likes(data), -1.0
        chosen: Any = None
        for weighting in WEIGHTINGS:
            for count in NEIGHBOURS:
                kind = CosineRecommender if weighting == "cosine" else TFIDFRecommender
                model = kind(K=count, num_threads=1)
                # an item that everybody likes has weight 0 by tf-idf, and by that the library divides
                with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
                    warnings.simplefilter("ignore", ParameterWarning)  # about what the library hands to itself
                    model.fit(matrix, show_progress=False)
                self.similarity = model.similarity.tocsr()
                self.similarity.data = np.nan_to_num(self.similarity.data, posinf=0.0, neginf=0.0)
                quality = validation_quality(self, data)
                say(f"{weighting}, {count} neighbours: validation AUC {quality:.4f}")
                if quality > best:
                    best, chosen = quality, self.similarity
        self.similarity = chosen
        return 1

    def score(self, data: Prepared, rows: Rows) -> Scores:
        """Add up how similar an item is to each that the user liked before."""
        scores = np.zeros(len(rows))
        for chunk, owner, liked in data.pairs(rows):
            if len(owner):
                similar = np.asarray(self.similarity[liked, np.maximum(rows.item[chunk], 0)[owner]]).ravel()
                scores[chunk] = np.bincount(owner, weights=similar, minlength=chunk.stop - chunk.start)
        return scores
