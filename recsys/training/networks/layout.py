"""Which inputs of a network are the viewer's and which the candidate's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from recsys.features import ITEM_WORDS, Feature, FeatureSpec, Feeds


@dataclass(frozen=True)
class Layout:
    """Which features of a specification are a viewer's and which a candidate's, in the order of the specification."""

    spec: FeatureSpec

    @cached_property
    def candidate(self) -> tuple[Feature, ...]:
        """Features of creatives: those that say so by their names, and whatever a history is a history of."""
        names = {*ITEM_WORDS, *(feature.table for feature in self.histories)}
        return tuple(feature for feature in self.spec.features if feature.name in names)

    @cached_property
    def viewer(self) -> tuple[Feature, ...]:
        """Features of a viewer and a moment that hold one id."""
        return tuple(feature for feature in self.spec.features if feature.length == 1 and feature not in self.candidate)

    @cached_property
    def histories(self) -> tuple[Feature, ...]:
        """Features of a viewer that hold what they engaged with, newest first."""
        return tuple(feature for feature in self.spec.features if feature.length > 1)

    def split(self, feeds: Feeds, viewers: int) -> Feeds:
        """Turn flat rows, viewer by viewer with the same candidates each, into the two sides of the graph.

        Args:
            feeds: as `recsys.features.encode` gives them, (viewers x candidates, length).

        Returns:
            Features of viewers (viewers, length), features of candidates (1, candidates).
        """
        rows = len(next(iter(feeds.values())))
        candidates, rest = divmod(rows, viewers)
        if rest:
            raise ValueError(f"{rows} rows are no equal number of candidates for each of {viewers} viewers")
        names = {feature.name for feature in self.candidate}
        return {
            name: ids[:candidates].reshape(1, candidates) if name in names else ids[::candidates]
            for name, ids in feeds.items()
        }
