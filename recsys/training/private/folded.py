"""A network small enough to be private: the usual inputs, folded into small tables inside the graph.

Noise goes to every row of every table in every step, so what a table costs grows with its rows while what it learns
does not. A person's own row could not be told from noise at all: all that remains of `viewer` is whether there is one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from recsys.features import Feature, FeatureSpec
from recsys.training import networks
from recsys.training.configuration import NetworkConfig
from recsys.training.networks.layout import Layout
from recsys.training.networks.network import OUTPUT, Network
from recsys.training.tensorflow import keras, tf

LARGEST = {"viewer": 2, "creative": 2_003, "category": 101, "advertiser": 101, "screen": 101, "venue": 53, "scene": 53}
"""Ids that are left of each table, prime, at most; 0 stays the absent word."""


def build(config: NetworkConfig, spec: FeatureSpec, seed: int) -> Network:
    """Build an untrained network on folded ids, with the inputs of any other network of the specification.

    Raises:
        BadRequest: it is to have item-item weights.
    """
    config.refuse_item_item("they are made of what people did, without noise")
    small = FeatureSpec(tuple(_folded(feature) for feature in spec.features))
    inner = networks.build(config, small, seed)
    inputs: dict[str, Any] = {
        name: keras.Input(node.shape[1:], name=name, dtype=node.dtype) for name, node in inner.input.items()
    }
    folds = {feature.name: Fold(feature.size, name=f"fold_{feature.name}") for feature in small.features}
    probabilities = inner({name: folds[name](node) for name, node in inputs.items()})
    network = Network(inputs, keras.layers.Activation("linear", name=OUTPUT)(probabilities))
    network.layout, network.config = Layout(spec), config
    return network


class Fold(keras.layers.Layer):  # type: ignore[misc]
    """Brings ids into a smaller table: 0 stays, and the others share the places from 1 on."""

    def __init__(self, size: int, **options: Any) -> None:
        super().__init__(**options)
        self.size = size

    def call(self, ids: Any) -> Any:
        """Fold ids of any shape."""
        folded = 1 + tf.math.floormod(ids - 1, self.size - 1) if self.size > 2 else tf.ones_like(ids)
        return tf.where(ids > 0, folded, 0)


def _folded(feature: Feature) -> Feature:
    largest = LARGEST.get(feature.table or feature.name, feature.size)
    return replace(feature, size=min(feature.size, largest))
