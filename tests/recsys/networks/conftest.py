"""A tiny log with a planted taste, and one training of each kind of network on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from recsys.features import Feature, FeatureSpec, Feeds

HISTORY = 6
TASTES = 5
CREATIVES = 30
PASSES = {"bst": 8}
"""Kinds that see the planted taste later than in six passes."""
SMALL = {"hidden": [16], "attention": [8], "experts": 1, "units": 8}
QUICK = {
    "dropout": 0.0, "spread": 0.1, "penalty": 1e-3, "learning_rate": 5e-3, "forgetting": 0.3, "omission": 0.3,
}  # fmt: skip
SPEC = FeatureSpec(
    (
        Feature("viewer", 41),
        Feature("creative", 1 + CREATIVES + 10),
        Feature("category", 1 + TASTES),
        Feature("advertiser", 7),
        Feature("screen", 5),
        Feature("position", 4),
        Feature("history_length", HISTORY + 1),
        Feature("history_creative", 1 + CREATIVES + 10, HISTORY, table="creative"),
        Feature("history_category", 1 + TASTES, HISTORY, table="category"),
    )
)
"""Ids from 31 on are creatives that nobody has met, ids of viewers from 31 on are people whom nobody has met."""


def category_of(creative: np.ndarray) -> np.ndarray:
    return (1 + creative % TASTES).astype(np.int32)


def lovers_of(taste: int, length: int = HISTORY) -> Feeds:
    """Somebody nobody has met, who engaged with one category so far."""
    creatives = np.arange(1, CREATIVES + 1)
    loved = creatives[category_of(creatives) == taste][:length]
    history = np.zeros((2, 1, HISTORY), dtype=np.int32)
    history[0, 0, : len(loved)], history[1, 0, : len(loved)] = loved, taste
    single = {name: np.zeros((1, 1), dtype=np.int32) for name in ("viewer", "screen", "position")}
    single["history_length"] = np.array([[len(loved)]], dtype=np.int32)
    return single | {"history_creative": history[0], "history_category": history[1]}


def choice_of(creatives: Any) -> Feeds:
    """Creatives to choose from, (1, candidates) each."""
    ids = np.asarray(creatives, dtype=np.int32)[None]
    return {"creative": ids, "category": category_of(ids), "advertiser": (1 + ids % 6).astype(np.int32)}


def planted(rows: int, seed: int) -> tuple[Feeds, np.ndarray]:
    """Rows in which people engage with one category each, and somewhat more with creatives of even numbers."""
    random = np.random.default_rng(seed)
    viewer = random.integers(1, 31, rows)
    taste = (1 + viewer % TASTES).astype(np.int32)
    creative = random.integers(1, CREATIVES + 1, rows)
    length = random.integers(0, HISTORY + 1, rows)
    past = (random.integers(0, CREATIVES // TASTES, (rows, HISTORY)) * TASTES + taste[:, None] - 1).astype(np.int32)
    past = np.where(past == 0, CREATIVES, past)
    held = np.arange(HISTORY) < length[:, None]
    feeds = {
        "viewer": np.where(random.random(rows) < 0.2, 0, viewer),
        "creative": creative,
        "category": category_of(creative),
        "advertiser": 1 + creative % 6,
        "screen": random.integers(1, 5, rows),
        "position": random.integers(0, 4, rows),
        "history_length": length,
    }
    feeds = {name: ids.astype(np.int32)[:, None] for name, ids in feeds.items()}
    feeds["history_creative"] = np.where(held, past, 0).astype(np.int32)
    feeds["history_category"] = np.where(held, taste[:, None], 0).astype(np.int32)
    wanted = taste == category_of(creative)
    chance = np.where(wanted, 0.85, 0.1) * np.where(creative % 2 == 0, 1.0, 0.4)
    return feeds, (random.random(rows) < chance).astype(np.float32)


@dataclass(frozen=True)
class Part:
    """As much of `recsys.training.dataset.Examples` as fitting needs."""

    feeds: Feeds
    labels: np.ndarray
    tasks: dict[str, np.ndarray]

    stream: None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def total(self) -> int:
        """How many rows there are to learn from."""
        return len(self)


def part(rows: int, seed: int) -> Part:
    """Planted rows whose dwell is known in a half of them, and whose conversion never is."""
    feeds, labels = planted(rows, seed)
    seconds = np.where(np.arange(rows) % 2, 1 + 9 * labels, np.nan).astype(np.float32)
    return Part(feeds, labels, {"dwell_seconds": seconds, "view": labels})


@pytest.fixture(scope="session")
def split() -> Any:
    from recsys.training.dataset import Split

    return Split(part(2_400, 1), part(400, 2), part(1_200, 3))


@pytest.fixture(scope="session")
def trained(split: Any) -> Any:
    """Train a network of a kind, once."""
    from recsys.training.configuration import USES, NetworkConfig
    from recsys.training.fit import fit
    from recsys.training.networks import build
    from recsys.training.tensorflow import seed_everything

    @cache
    def train(kind: Any, item_item: int = 0) -> Any:
        seed_everything(7)
        choices = {name: value for name, value in (SMALL | QUICK).items() if name in USES[kind]}
        network = build(NetworkConfig.of(kind, item_item=item_item, **choices), SPEC, 7)
        fit(network, split, stage=kind, epochs=10, batch_size=64)
        return network

    return train
