"""Ranking networks, built from the feature specification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from recsys.features import FeatureSpec
from recsys.training.configuration import Kind, NetworkConfig
from recsys.training.networks import crossing, factorised, interest, mixture, recurrent, sequential, transformer
from recsys.training.networks.layout import Layout
from recsys.training.networks.network import Network

Builder = Callable[[Layout, NetworkConfig, int], Network]

BUILDERS: Final[Mapping[Kind, Builder]] = {
    "logistic": factorised.logistic,
    "fm": factorised.machine,
    "deepfm": factorised.deep_machine,
    "fwfm": factorised.field_weighted,
    "dcn": crossing.cross,
    "din": interest.paper,
    "dotdin": interest.dot,
    "bst": transformer.behaviours,
    "sasrec": sequential.self_attentive,
    "gru": recurrent.recurrent,
    "mmoe": mixture.gates,
    "ple": mixture.extraction,
}


def build(network: Kind | NetworkConfig, spec: FeatureSpec, seed: int) -> Network:
    """Build an untrained network that gives the probability of engagement; see `network` for its graph.

    Args:
        network: a configuration, or a kind with its usual one.
        seed: of initial weights; the same seed gives the same network, once `seed_everything` was called with it.
    """
    config = network if isinstance(network, NetworkConfig) else NetworkConfig.of(network)
    return BUILDERS[config.kind](Layout(spec), config, seed)
