"""The untrained policy: every candidate is as good as any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.features import Candidates, Context, Viewer


@dataclass(frozen=True, slots=True)
class UniformRanker:
    """Gives every candidate the same probability, before there is a model and when there is none to load."""

    rate: float = 0.05
    version: str = "uniform"

    def rank(
        self, context: Context, viewers: Sequence[Viewer], candidates: Candidates, position: int = 0
    ) -> NDArray[np.float32]:
        """Answer the same rate for every viewer and candidate, float32, shape (viewers, candidates)."""
        del context, position
        return np.full((len(viewers), len(candidates)), self.rate, dtype=np.float32)

    def shortlist(
        self,
        context: Context,
        viewers: Sequence[Viewer],
        catalogue: Candidates,
        eligible: NDArray[np.intp],
        count: int,
        handicap: NDArray[np.floating],
    ) -> NDArray[np.intp]:
        """Answer all of them: none is more promising than another."""
        del context, viewers, catalogue, count, handicap
        return np.arange(len(eligible))
