"""What each thing known of a viewer did to a score, in log-odds, and the proof that nothing is missing.

Of a model that looks at pictures it is also told what the creative's picture did. Both are parts of one way: from
somebody anonymous before a creative that nobody looked at, to the same before its picture, to this viewer before it.
The first part is the picture's, for anybody; the second is what knowing the viewer did, as it is without pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from recsys.explain.errors import IncompleteAttribution
from recsys.features import PICTURE

Method = Literal["integrated_gradients", "occlusion"]

VIEWER = "viewer"
HISTORY = "history"
HISTORY_LENGTH = "history_length"
ABSOLUTE_TOLERANCE = 0.01
"""Log-odds: a share of this size moves a probability of one half by a quarter of a percentage point."""
RELATIVE_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Share:
    """What one thing did to the score.

    Attributes:
        feature: a feature's name, `creative_picture` for how the creative looks; `history` for one thing a viewer
            engaged with, its creative and category together.
        place: place in the history, 0 is the newest; None for everything else.
        amount: calibrated log-odds, positive when it made engagement look more likely.
    """

    feature: str
    place: int | None
    amount: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """The difference between a score and what it would have been, taken apart.

    Attributes:
        score: calibrated log-odds of this viewer and candidate.
        baseline: the same where what is explained is absent.
        shares: they add up to the difference, but for `residual`.
    """

    method: Method
    score: float
    baseline: float
    shares: tuple[Share, ...]

    @property
    def difference(self) -> float:
        """What there is to explain, calibrated log-odds."""
        return self.score - self.baseline

    @property
    def personal(self) -> float:
        """What knowing the viewer did, calibrated log-odds: all shares but the picture's, whose error is not in it."""
        return sum(share.amount for share in self.shares if share.feature != PICTURE)

    @property
    def residual(self) -> float:
        """What the shares leave unexplained, calibrated log-odds."""
        return self.difference - sum(share.amount for share in self.shares)

    @property
    def complete(self) -> bool:
        """Whether the shares add up: to 0.01 log-odds, or to 1 % of the difference where that is more."""
        return abs(self.residual) <= max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * abs(self.difference))

    def proven(self) -> Attribution:
        """Return itself if it is complete.

        Raises:
            IncompleteAttribution: says by how much it is not.
        """
        if not self.complete:
            raise IncompleteAttribution(
                f"the shares leave {self.residual:+.4f} of {self.difference:+.4f} log-odds unexplained"
            )
        return self

    def of(self, feature: str) -> float:
        """Add up the shares of one feature; 0 when it has none."""
        return sum(share.amount for share in self.shares if share.feature == feature)

    def by_place(self) -> Mapping[int, float]:
        """Return what each thing in the history did, by its place, 0 the newest."""
        return {share.place: share.amount for share in self.shares if share.place is not None}
