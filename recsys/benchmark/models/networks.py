"""The product's own networks, built and fitted by the very functions that training uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from recsys.benchmark.models.model import Model, Say, Scores
from recsys.benchmark.prepared import ABSENT, HISTORY, RARE, Prepared, Rows
from recsys.features import Feature, FeatureSpec, Feeds
from recsys.training.configuration import Kind, NetworkConfig

if TYPE_CHECKING:
    from recsys.training.dataset import Examples, Split
    from recsys.training.search import Found

Watch = Callable[[int, float], None]

BATCH = 1_024
RANK = 128
"""Of item-item weights, as in trainings of a log with so many creatives."""
TRIALS = 16
SEARCHED: Final[tuple[Kind, ...]] = ("deepfm", "dotdin", "fwfm", "dcn")
ABOUT_HISTORIES: Final = frozenset({"din", "dotdin", "bst", "sasrec", "gru"})
BENCHED: Final[tuple[Kind, ...]] = ("dotdin", "deepfm", "din", "fm", "fwfm", "dcn", "bst", "sasrec", "gru")
"""Kinds with one label and mathematics that no peer has."""

NAMES = {"user": "viewer", "item": "creative"}


class Network(Model):
    """A network of `recsys.training.networks`: same layers, penalties, dropout, id dropout, optimiser and stopping.

    Inputs: users take the place of viewers, items that of creatives, further columns that of the context; with
    histories the newest fifty liked items and the first categorical column of items, in shared tables.
    """

    ours = True
    seeded = True
    kind: Kind

    def __init__(self, config: NetworkConfig | None = None) -> None:
        self.config = config or NetworkConfig.of(self.kind)
        self.network: Any = None

    def unfit(self, data: Prepared) -> str | None:
        """Refuse data without histories where the network is about nothing else."""
        if data.histories or self.kind not in ABOUT_HISTORIES:
            return None
        return "attends to histories, and there are none"

    def fit(self, data: Prepared, *, seed: int, say: Say) -> int:
        """Fit until the validation loss stops falling."""
        return len(self.losses(data, seed=seed, say=say))

    def losses(self, data: Prepared, *, seed: int, say: Say, watch: Watch | None = None) -> list[float]:
        """Fit until the validation loss stops falling, and return it after each pass.

        Args:
            watch: is told the number of each pass and its validation log loss, and may raise to end the training.
        """
        from recsys.training.dataset import Split
        from recsys.training.fit import fit, unwatched
        from recsys.training.networks import build
        from recsys.training.tensorflow import seed_everything

        seed_everything(seed)
        self.network = build(self.config, specification(data), seed)
        split = Split(
            _examples(data, data.train),
            _examples(data, data.validation),
            _examples(data, data.test.take(np.empty(0, dtype=np.intp))),
        )
        return fit(
            self.network,
            split,
            stage=self.config.kind,
            epochs=None,
            batch_size=BATCH,
            progress=lambda _stage, done, of, message: say(f"pass {done} of at most {of}: {message}"),
            watch=watch or unwatched,
        )

    def score(self, data: Prepared, rows: Rows) -> Scores:
        """Give the log-odds of the network's probability."""
        from recsys.training.fit import predict

        found = predict(self.network, feeds(data, rows)).astype(np.float64)
        safe = np.clip(found, 1e-7, 1 - 1e-7)
        scores: Scores = np.log(safe / (1 - safe))
        return scores


def network(kind: Kind) -> type[Network]:
    """Make the class of a kind's usual network."""
    return type(f"Network_{kind}", (Network,), {"kind": kind, "__doc__": f"The usual {kind}."})


class Related(Network):
    """The usual dotdin with item-item weights beside it, see `recsys.training.items`."""

    kind: Kind = "dotdin"

    def __init__(self) -> None:
        super().__init__(NetworkConfig.of(self.kind, item_item=RANK))


class Tuned(Network):
    """The network that a search finds best on the validation part, among several kinds; searched for once.

    Hyper-parameters of the peers are chosen on the validation part as well.
    """

    kind: Kind = "deepfm"
    found: ClassVar[NetworkConfig | None] = None

    def fit(self, data: Prepared, *, seed: int, say: Say) -> int:
        """Search with the first seed, fit what was found with this one."""
        if Tuned.found is None:
            Tuned.found = tune(data, kinds_for(data), trials=TRIALS, seed=seed, say=say).config
            say(f"found {Tuned.found.document()}")
        self.config = Tuned.found
        return super().fit(data, seed=seed, say=say)


def kinds_for(data: Prepared) -> list[Kind]:
    """Return the kinds worth a search: those about histories only where there are any."""
    return [kind for kind in SEARCHED if data.histories or kind not in ABOUT_HISTORIES]


def tune(
    data: Prepared,
    kinds: Sequence[Kind],
    *,
    trials: int,
    seed: int,
    say: Say,
    minutes: float | None = None,
    journal: Path | None = None,
) -> Found:
    """Search for the network with the least log loss on the validation part; see `recsys.training.search`."""
    from recsys.training.search import search

    def evaluate(config: NetworkConfig, watch: Watch) -> float:
        return min(Network(config).losses(data, seed=seed, say=_quiet, watch=watch))

    def tell(stage: str, done: int, of: int, message: str) -> None:
        say(f"{stage} {done} of {of}: {message}")

    return search(kinds, evaluate, trials=trials, minutes=minutes, seed=seed, journal=journal, progress=tell)


def _quiet(sentence: str) -> None:
    """Let the passes of a trial go unreported."""


def learnable(data: Prepared) -> tuple[FeatureSpec, Split]:
    """Give prepared data as the product's training has it: its features, and its three parts."""
    from recsys.training.dataset import Split

    return specification(data), Split(*(_examples(data, rows) for rows in (data.train, data.validation, data.test)))


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
