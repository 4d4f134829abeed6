"""What takes a score apart, whatever the method."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from recsys.explain.attribution import Attribution
from recsys.explain.rows import encode_one
from recsys.features import Context, Feeds, Item, Viewer
from recsys.serving.ranker import Ranker


class Explainer(ABC):
    """Takes apart the scores of one ranker; many threads may share one explainer."""

    def __init__(self, ranker: Ranker) -> None:
        self._ranker = ranker

    def explain(
        self,
        context: Context,
        viewer: Viewer,
        item: Item,
        position: int = 0,
        picture: NDArray[np.float32] | None = None,
    ) -> Attribution:
        """Explain what the score owes to knowing this viewer, and to the picture where the model looks at it.

        The baseline is somebody anonymous in the same place, before the same creative without a picture.

        Args:
            picture: of the creative, by the model's own vision, shape (width,); None where it has none.

        Raises:
            IncompleteAttribution: the shares do not add up.
        """
        return self.explain_row(encode_one(self._ranker, context, viewer, item, position, picture))

    @abstractmethod
    def explain_row(self, row: Feeds) -> Attribution:
        """Do the same for one encoded row: int32 ids, shape (1, length of the feature), picture (1, 1, width)."""
