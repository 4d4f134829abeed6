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

    def shortlist(
        self,
        context: Context,
        viewers: Sequence[Viewer],
        catalogue: Candidates,
        eligible: NDArray[np.intp],
        count: int,
        handicap: NDArray[np.floating],
    ) -> NDArray[np.intp]:
        """Choose the most promising of many creatives without ranking each.

        Args:
            catalogue: all creatives; the same object as long as the catalogue does not change.
            eligible: places in the catalogue among which to choose, shape (eligible,).
            count: how many are wanted.
            handicap: nats added to the log-odds of each eligible one, shape (eligible,).

        Returns:
            Places in ``eligible``, ascending; all of them when there are no more than ``count``, or when this ranker
            has no quicker way than to rank them.
        """
