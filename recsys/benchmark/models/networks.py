"""The product's own networks, built and fitted by the very functions that training uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.benchmark.models.model import Model, Say, Scores
from recsys.benchmark.prepared import ABSENT, HISTORY, RARE, Prepared, Rows
from recsys.features import Feature, FeatureSpec, Feeds

if TYPE_CHECKING:
    from recsys.training.dataset import Examples
    from recsys.training.request import Kind

BATCH = 1_024
NAMES = {"user": "viewer", "item": "creative"}


class Network(Model):
    """A network of `recsys.training.networks`: same layers, penalties, dropout, id dropout, optimiser and stopping.

    Inputs: users take the place of viewers, items that of creatives, further columns that of the context; with
    histories the newest fifty liked items and the first categorical column of items, in shared tables.
    """

    ours = True
    seeded = True
    kind: Kind

    def __init__(self) -> None:
        self.network: Any = None

    def fit(self, data: Prepared, *, seed: int, say: Say) -> int:
        """Fit until the validation loss stops falling."""
        from recsys.training.dataset import Split
        from recsys.training.fit import fit
        from recsys.training.networks import build
        from recsys.training.tensorflow import seed_everything

        seed_everything(seed)
        self.network = build(self.kind, specification(data), seed)
        split = Split(
            _examples(data, data.train),
            _examples(data, data.validation),
            _examples(data, data.test.take(np.empty(0, dtype=np.intp))),
        )
        losses = fit(
            self.network,
            split,
            stage=self.kind,
            epochs=None,
            batch_size=BATCH,
            progress=lambda _stage, done, of, message: say(f"pass {done} of at most {of}: {message}"),
        )
        return len(losses)

    def score(self, data: Prepared, rows: Rows) -> Scores:
        """Give the log-odds of the network's probability."""
        from recsys.training.fit import predict

        found = predict(self.network, feeds(data, rows)).astype(np.float64)
        safe = np.clip(found, 1e-7, 1 - 1e-7)
        scores: Scores = np.log(safe / (1 - safe))
        return scores


class DeepFm(Network):
    """DeepFM, with the histories averaged: Guo et al., IJCAI 2017."""

    kind = "deepfm"


class Interest(Network):
    """A network that is about histories."""

    def unfit(self, data: Prepared) -> str | None:
        """Refuse data without histories, which it is all about."""
        return None if data.histories else "attends to histories, and there are none"


class Din(Interest):
    """Deep Interest Network: Zhou et al., KDD 2018."""

    kind = "din"


class DotDin(Interest):
    """Deep Interest Network that attends by dot products."""

    kind = "dotdin"


def specification(data: Prepared) -> FeatureSpec:
    """Describe the columns of prepared data as the product describes its features."""
    features = [Feature(_name(data, place), size) for place, size in enumerate(data.sizes)]
    if data.histories:
        features.append(Feature("history_length", HISTORY + 1))
        for place in _remembered(data):
            table = _name(data, place)
            features.append(Feature(f"history_{table}", data.sizes[place], HISTORY, table=table))
    return FeatureSpec(tuple(features))


def feeds(data: Prepared, rows: Rows) -> Feeds:
    """Lay out rows as inputs of a network: for each feature int32 ids, shape (rows, length of the feature)."""
    laid = {_name(data, place): rows.ids[:, [place]] for place in range(len(data.features))}
    if data.histories:
        newest = data.newest(rows)
        laid["history_length"] = (newest >= 0).sum(axis=1, keepdims=True).astype(np.int32)
        for place in _remembered(data):
            ids = np.maximum(data.item_ids[newest, place], RARE)  # 0 is the padding, so an absent word counts as rare
            laid[f"history_{_name(data, place)}"] = np.where(newest >= 0, ids, ABSENT).astype(np.int32)
    return laid


def _name(data: Prepared, place: int) -> str:
    """Name an input; words of anybody's header would not do as names of layers."""
    return NAMES[data.features[place]] if place < len(NAMES) else f"column_{place}"


def _remembered(data: Prepared) -> list[int]:
    numeric = data.train.numbers.shape[1]
    described = [place for place in range(len(NAMES), len(data.features) - numeric) if data.roles[place] == "item"]
    return [1, *described[:1]]


def _examples(data: Prepared, rows: Rows) -> Examples:
    from recsys.columns import Words
    from recsys.training.dataset import Examples

    nothing = Words(("",), np.zeros(len(rows), dtype=np.int32))
    return Examples(
        feeds(data, rows), rows.labels, np.zeros(len(rows), dtype=np.int64), nothing, nothing, nothing, nothing
    )
