"""Two towers that find the most promising of very many creatives, before a ranker looks at each.

Viewers and creatives have vectors in one space, and near means likely. Creatives are placed once per model and version
of the catalogue; a decision places its viewers and takes one exact product. No index stands between: it would be
approximate, and one that is asked for the eligible only loses them (see `docs/decisions/0029`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from recsys.features import ITEM_WORDS, Candidates, Context, FeatureSpec, Feeds, Viewer, encode, encode_items
from recsys.serving.session import open_session

VIEWER_TOWER, CREATIVE_TOWER = "viewer", "creative"
TEMPERATURE = 0.1
"""By which similarities are divided to become log-odds: the towers are trained so."""
PLACED_AT_ONCE = 8_192

Vectors = NDArray[np.float32]


class Towers:
    """Two ONNX graphs and the catalogue as one of them sees it; many threads may share them."""

    def __init__(
        self, viewer: onnxruntime.InferenceSession, creative: onnxruntime.InferenceSession, spec: FeatureSpec
    ) -> None:
        self.spec = spec
        self._viewer = viewer
        self._creative = creative
        self._placed: tuple[Candidates, Vectors] = (encode_items([], spec), np.empty((0, 0), dtype=np.float32))

    @classmethod
    def open(cls, graphs: Mapping[str, bytes], spec: FeatureSpec) -> Towers:
        """Open both graphs and prove on one viewer and one creative that they place them in the same space.

        Args:
            graphs: ONNX models called `viewer` and `creative`.

        Raises:
            ValueError: a tower is missing, or they give vectors of different widths.
            Exception: onnxruntime cannot load or run one.
        """
        if set(graphs) != {VIEWER_TOWER, CREATIVE_TOWER}:
            raise ValueError(f"towers are {sorted(graphs)}, expected {VIEWER_TOWER} and {CREATIVE_TOWER}")
        towers = cls(open_session(graphs[VIEWER_TOWER]), open_session(graphs[CREATIVE_TOWER]), spec)
        nowhere = Context(screen="", venue="", venue_category="", scene="", hour=0, weekday=0, party=1)
        nothing = Candidates(("",), np.zeros((len(ITEM_WORDS), 1), dtype=np.int32))
        viewers, creatives = towers.place_viewers(nowhere, [Viewer()]), towers.place_creatives(nothing)
        if viewers.shape != creatives.T.shape or not np.isfinite(viewers @ creatives).all():
            raise ValueError(f"towers place a viewer in {viewers.shape} and a creative in {creatives.T.shape}")
        return towers

    def place_viewers(self, context: Context, viewers: Sequence[Viewer]) -> Vectors:
        """Place viewers, each at its moment and screen; float32, shape (viewers, width)."""
        nothing = Candidates((), np.empty((len(ITEM_WORDS), 0), dtype=np.int32))
        return _run(self._viewer, encode(context, viewers, nothing, 0, self.spec))

    def place_creatives(self, catalogue: Candidates) -> Vectors:
        """Place creatives; float32, shape (width, creatives). The last catalogue asked for is remembered.

        Lying by columns halves the time of a product with one viewer.
        """
        known, vectors = self._placed
        if known is not catalogue:
            parts = np.split(catalogue.ids, range(PLACED_AT_ONCE, len(catalogue), PLACED_AT_ONCE), axis=1)
            rows = [_run(self._creative, dict(zip(ITEM_WORDS, part[:, :, None], strict=True))) for part in parts]
            vectors = np.ascontiguousarray(np.concatenate(rows).T)
            self._placed = (catalogue, vectors)
        return vectors

    def nearest(
        self,
        context: Context,
        viewers: Sequence[Viewer],
        catalogue: Candidates,
        eligible: NDArray[np.intp],
        count: int,
        handicap: NDArray[np.floating] | None = None,
    ) -> NDArray[np.intp]:
        """Find the creatives that somebody here is most likely to engage with, exactly.

        Viewers take turns: each one's best, then each one's second best, until there are enough.

        Args:
            eligible: places in the catalogue among which to choose, shape (eligible,).
            count: how many to find.
            handicap: nats added to the log-odds of each eligible one, shape (eligible,); the logarithm of what an
                engagement is worth makes the choice one by expected worth.

        Returns:
            Places in ``eligible``, ascending; all of them when there are no more than ``count``.
        """
        if len(eligible) <= count or not viewers:
            return np.arange(len(eligible))
        near = (self.place_viewers(context, viewers) @ self.place_creatives(catalogue)).take(eligible, axis=1)
        if handicap is not None:
            near += (TEMPERATURE * handicap).astype(np.float32)
        return _in_turns(near, count)


def _in_turns(scores: Vectors, count: int) -> NDArray[np.intp]:
    """Choose columns, the best of each row first, then each row's second best; ascending, shape (count,)."""
    best = np.argpartition(scores, -count, axis=1)[:, -count:]
    if len(scores) > 1:
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        ranked = np.take_along_axis(best, order, axis=1).T.ravel()
        _, first = np.unique(ranked, return_index=True)
        best = ranked[np.sort(first)[:count]][None, :]
    return np.sort(best[0])


def _run(session: onnxruntime.InferenceSession, feeds: Feeds) -> Vectors:
    wanted = {node.name: feeds[node.name] for node in session.get_inputs()}
    vectors: Vectors = session.run(None, wanted)[0]
    return vectors
