"""Linear weights, factorisation machines, and the networks that put a deep part beside them."""

from __future__ import annotations

from typing import Any

from recsys.training.configuration import NetworkConfig
from recsys.training.networks.layers import FactorDense, PairDense, deepen
from recsys.training.networks.layout import Layout
from recsys.training.networks.machines import FactorisationMachine, FieldWeightedMachine, split
from recsys.training.networks.network import Network, finish
from recsys.training.networks.sides import Sides, embed, join
from recsys.training.tensorflow import tf


def logistic(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build logistic regression: one weight for each id, histories averaged."""
    sides = embed(layout, config, seed, lambda feature: 1)
    return finish(layout, config, sides, pairs=[tf.reduce_sum(side, axis=-2) for side in _stacked(sides)])


def machine(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build a factorisation machine; Rendle, ICDM 2010."""
    sides = _with_linear_weights(layout, config, seed)
    return finish(layout, config, sides, pairs=[FactorisationMachine(1 + config.width)(_joined(sides))])


def deep_machine(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build DeepFM, with the histories averaged; Guo et al., IJCAI 2017."""
    sides = _with_linear_weights(layout, config, seed)
    joined = _joined(sides)
    rows = deepen(FactorDense(config.hidden[0], 1 + config.width, seed)(joined), config, seed)
    return finish(layout, config, sides, pairs=[FactorisationMachine(1 + config.width)(joined)], rows=rows)


def field_weighted(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build a field-weighted factorisation machine with a deep part: Pan et al., WWW 2018; Deng et al., WSDM 2021."""
    sides = _with_linear_weights(layout, config, seed)
    stacked = _stacked(sides)
    rows = deepen(PairDense(config.hidden[0], seed=seed)([_factors(side) for side in stacked]), config, seed)
    return finish(layout, config, sides, pairs=[FieldWeightedMachine()(stacked)], rows=rows)


def _with_linear_weights(layout: Layout, config: NetworkConfig, seed: int) -> Sides:
    """Make vectors that hold one linear weight and then the factors, so that one look-up serves both."""
    return embed(layout, config, seed, lambda feature: 1 + config.width)


def _all(sides: Sides) -> list[list[Any]]:
    """List the vectors of all features of each side, histories averaged."""
    means = [sides.mean(name) for name in sides.histories]
    return [[*sides.viewer.values(), *means], list(sides.candidate.values())]


def _stacked(sides: Sides) -> list[Any]:
    """Stack the features of each side: (viewers, 1, features, width) and (groups, candidates, features, width)."""
    return [tf.stack(side, axis=-2) for side in _all(sides)]


def _joined(sides: Sides) -> list[Any]:
    """Lay the features of each side next to each other: (viewers, 1, features x width) and the like."""
    return [join(side) for side in _all(sides)]


def _factors(vectors: Any) -> Any:
    """Lay the factors of all features of a side out next to each other, without the linear weights."""
    count, width = vectors.shape[-2:]
    return tf.reshape(split(vectors)[1], (-1, tf.shape(vectors)[1], count * (width - 1)))
