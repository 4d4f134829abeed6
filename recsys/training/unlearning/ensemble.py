"""Many constituents as one network: the mean of their probabilities (Bourtoule et al. 2021, section IV-C)."""

from __future__ import annotations

from typing import Any

from recsys.features import FeatureSpec
from recsys.training import networks
from recsys.training.configuration import NetworkConfig
from recsys.training.networks.network import OUTPUT, Network
from recsys.training.tensorflow import keras
from recsys.training.unlearning.checkpoints import Weights


def average(config: NetworkConfig, spec: FeatureSpec, weights: list[Weights], seed: int) -> Network:
    """Join constituents to one network with the inputs and the output of any other, so that it exports as one graph.

    Args:
        weights: of each constituent, as `Learner.weights` gives them; a single one is returned as it is.
    """
    constituents = [_constituent(config, spec, each, seed) for each in weights]
    first = constituents[0]
    if len(constituents) == 1:
        return first
    inputs: dict[str, Any] = {
        name: keras.Input(node.shape[1:], name=name, dtype=node.dtype) for name, node in first.input.items()
    }
    network = Network(inputs, keras.layers.Average(name=OUTPUT)([each(inputs) for each in constituents]))
    network.layout, network.config = first.layout, config
    return network


def _constituent(config: NetworkConfig, spec: FeatureSpec, weights: Weights, seed: int) -> Network:
    network = networks.build(config, spec, seed)
    network.set_weights(weights)
    return network
