"""What a decision may expect of any ranker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.features import Candidates, Context, Viewer


class RankerProtocol(Protocol):
    """Scores all candidates of one decision for all its viewers; safe to share between threads."""

    @property
    def version(self) -> str:
        """Names the policy that scored, for the decision's log."""

    def rank(
        self, context: Context, viewers: Sequence[Viewer], candidates: Candidates, position: int = 0
    ) -> NDArray[np.float32]:
        """Estimate how likely each viewer engages with each candidate.

        Args:
            position: place in the slate, 0 is first.

        Returns:
            Probabilities in [0, 1], float32, shape (viewers, candidates).
        """
