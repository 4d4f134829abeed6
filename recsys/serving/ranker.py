"""A trained model that scores all candidates of a decision in one call."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from recsys.features import (
    DEFAULT_SPEC,
    ITEM_WORDS,
    PICTURE,
    Behaviour,
    Candidates,
    Context,
    FeatureSpec,
    Feeds,
    Item,
    Viewer,
    encode_items,
)
from recsys.serving.desk import Desk
from recsys.serving.metadata import SPLIT, ModelMetadata
from recsys.serving.retrieval import Towers
from recsys.serving.session import open_session

__all__ = [
    "DigestMismatch",
    "OutdatedGraph",
    "Ranker",
    "RankerRefused",
    "SpecMismatch",
    "UnreadableModel",
    "open_session",
]

WARM_SIZES = ((1, 1), (1, 200), (2, 16))
"""Viewers and candidates of the decisions that warm a session."""
SCORED_AT_ONCE = 4_096


class RankerRefused(ValueError):
    """A model file cannot be served."""


class DigestMismatch(RankerRefused):
    """The file is not the one that was registered."""


class SpecMismatch(RankerRefused):
    """The model was trained on features that this code encodes otherwise."""


class OutdatedGraph(RankerRefused):
    """The model computes one row for each pair of a viewer and a candidate, as models once did."""


class UnreadableModel(RankerRefused):
    """The file is no ranking model that onnxruntime can run."""


class Ranker:
    """Scores with an ONNX model on one thread; many threads may share one ranker."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        *,
        version: str,
        metadata: ModelMetadata,
        spec: FeatureSpec,
        towers: Towers | None = None,
    ) -> None:
        self.towers = towers
        self.version = version
        self.metadata = metadata
        self.spec = spec
        self.session = session
        self._desks = threading.local()
        self._inputs = frozenset(node.name for node in session.get_inputs())
        self._picture_width = next((node.shape[-1] for node in session.get_inputs() if node.name == PICTURE), 0)
        self._outputs = [session.get_outputs()[0].name]

    @classmethod
    def load(cls, path: Path, expected_digest: str, spec: FeatureSpec = DEFAULT_SPEC) -> Ranker:
        """Load a model, prove that it is the registered one, and warm it.

        Args:
            path: the ONNX file.
            expected_digest: SHA-256 of the file, 64 hexadecimal digits.
            spec: the features this process encodes.

        Raises:
            FileNotFoundError: there is no such file.
            DigestMismatch: the file's bytes are not the expected ones.
            UnreadableModel: onnxruntime cannot load or run it, or it lacks its metadata.
            OutdatedGraph: its viewers and candidates are not apart.
            SpecMismatch: it was trained on another feature specification.
        """
        content = Path(path).read_bytes()
        digest = sha256(content).hexdigest()
        if digest != expected_digest:
            raise DigestMismatch(f"model file has digest {digest}, expected {expected_digest}")
        session, metadata = _open(content)
        if metadata.graph != SPLIT:
            raise OutdatedGraph(
                f"the model's graph is {metadata.graph!r}, this process serves {SPLIT!r} graphs, whose viewers and "
                "candidates are apart; train it again"
            )
        if metadata.spec != spec.digest:
            raise SpecMismatch(
                f"model was trained on features {metadata.spec}, this process encodes {spec.digest}; train it again"
            )
        towers = _open_towers(metadata, spec)
        ranker = cls(session, version=digest, metadata=replace(metadata, towers={}), spec=spec, towers=towers)
        ranker.warm()
        return ranker

    def rank(
        self, context: Context, viewers: Sequence[Viewer], candidates: Candidates, position: int = 0
    ) -> NDArray[np.float32]:
        """Estimate how likely each viewer engages with each candidate.

        Args:
            position: place in the slate, 0 is first.

        Returns:
            Calibrated probabilities, float32, shape (viewers, candidates).
        """
        if not len(viewers) or not len(candidates):
            return np.zeros((len(viewers), len(candidates)), dtype=np.float32)
        desk: Desk | None = getattr(self._desks, "latest", None)
        if desk is None or desk.viewers != len(viewers):
            desk = self._desks.latest = Desk(self.session, self.spec, len(viewers), self.metadata.vision)
        return desk.rank(context, viewers, candidates, position)

    def shortlist(
        self,
        context: Context,
        viewers: Sequence[Viewer],
        catalogue: Candidates,
        eligible: NDArray[np.intp],
        count: int,
        handicap: NDArray[np.floating],
    ) -> NDArray[np.intp]:
        """Choose the most promising of many creatives without ranking each: see `RankerProtocol.shortlist`."""
        if self.towers is None:
            return np.arange(len(eligible))
        return self.towers.nearest(context, viewers, catalogue, eligible, count, handicap)

    def score(self, rows: Feeds) -> NDArray[np.float32]:
        """Score the rows of a log, a viewer and a candidate each.

        Args:
            rows: as `recsys.columns.encode_columns` gives them: int32, shape (rows, length of the feature); with the
                pictures of the rows' creatives where there are some, float32, shape (rows, 1, width), see `run`.

        Returns:
            Calibrated probabilities, float32, shape (rows,).
        """
        count = len(next(iter(rows.values())))
        scores = np.empty(count, dtype=np.float32)
        for start in range(0, count, SCORED_AT_ONCE):
            part = slice(start, start + SCORED_AT_ONCE)
            scores[part] = self.run({name: ids[part] for name, ids in rows.items()})[:, 0]
        return scores

    def run(self, feeds: Feeds) -> NDArray[np.float32]:
        """Run the bare session: calibrated probabilities, float32, shape (viewers, candidates).

        Args:
            feeds: of viewers int32 (viewers, length of the feature); of candidates (1, candidates) when all viewers
                choose among the same, or (viewers, 1). Pictures, of the model's own vision, may be left out: the
                creatives then have none.
        """
        if feeds.keys() != self._inputs:
            feeds = self._fitting(feeds)
        scores: NDArray[np.float32] = self.session.run(self._outputs, feeds)[0]
        return scores

    def seeing(self, rows: Feeds, vision: str) -> Feeds:
        """Leave pictures out of rows where another vision described them than the one the model learnt from."""
        if vision == self.metadata.vision:
            return rows
        return {name: values for name, values in rows.items() if name != PICTURE}

    def _fitting(self, feeds: Feeds) -> Feeds:
        """Leave out what the graph does not take, and give creatives without pictures zeros where it wants some."""
        found = {name: values for name, values in feeds.items() if name in self._inputs}
        if self._picture_width and PICTURE not in found:
            shape = next(feeds[name].shape for name in ITEM_WORDS if name in feeds)
            found[PICTURE] = np.zeros((*shape, self._picture_width), dtype=np.float32)
        return found

    def warm(self) -> None:
        """Run the session at a few sizes, so that the first decision pays for no allocation.

        Raises:
            UnreadableModel: the graph does not give a number for every viewer and candidate.
        """
        context = Context(screen="", venue="", venue_category="", scene="", hour=0, weekday=0, party=1)
        viewer = Viewer(history=(Behaviour("", ""),))
        for viewers, count in WARM_SIZES:
            candidates = encode_items([Item("", "")] * count, self.spec)
            try:
                scores = self.rank(context, [viewer] * viewers, candidates)
            except Exception as error:
                raise UnreadableModel(
                    f"the model does not run on {viewers} viewers and {count} candidates: {error}"
                ) from error
            if scores.shape != (viewers, count) or not np.isfinite(scores).all():
                raise UnreadableModel(
                    f"the model gives scores of shape {scores.shape} for {viewers} viewers and {count} candidates, "
                    f"expected finite ones of shape {(viewers, count)}"
                )


def _open(content: bytes) -> tuple[onnxruntime.InferenceSession, ModelMetadata]:
    try:
        session = open_session(content)
        return session, ModelMetadata.read(session.get_modelmeta().custom_metadata_map)
    except KeyError as error:
        raise UnreadableModel(f"the model lacks its property {error}") from error
    except Exception as error:
        raise UnreadableModel(f"onnxruntime cannot load the model: {error}") from error


def _open_towers(metadata: ModelMetadata, spec: FeatureSpec) -> Towers | None:
    if not metadata.towers:
        return None
    try:
        return Towers.open(metadata.towers, spec)
    except Exception as error:
        raise UnreadableModel(f"the model's towers cannot be used: {error}") from error
