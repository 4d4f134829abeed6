"""A recurrent state of what a viewer engaged with, from the oldest behaviour to the newest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.training.configuration import NetworkConfig
from recsys.training.networks.layers import PairDense, deepen
from recsys.training.networks.layout import Layout
from recsys.training.networks.network import Network, finish
from recsys.training.networks.related import put_first
from recsys.training.networks.sides import Sides, embed, join, two_widths
from recsys.training.tensorflow import keras, tf

WINDOW = 20
"""Behaviours that are read: what is older hardly reaches the state, and each costs one step in training."""
STATE = "state"


def recurrent(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build a network that ranks by a recurrent state; Hidasi et al., GRU4Rec, ICLR 2016, with a deep part above.

    It reads its state with the very layer of the behaviour model, see `recsys.training.behaviour`, and `adopt` lets it
    start from what that has learnt.
    """
    sides = embed(layout, config, seed, two_widths(config))
    parts = [join(sides.viewer.values()), join(sides.candidate.values())]
    if sides.histories:
        state = read(sides, config.units, seed)
        query = sides.query()
        wanted = keras.layers.Dense(int(query.shape[-1]), use_bias=False, name="wanted")(state)
        parts = [join([parts[0], state, *(sides.mean(name) for name in sides.histories)]), parts[1], wanted * query]
    rows = PairDense(config.hidden[0], seed=seed)(parts)
    return finish(layout, config, sides, rows=deepen(rows, config, seed))


def read(sides: Sides, units: int, seed: int) -> Any:
    """Read the newest behaviours in order; the state after the newest, zeros if there are none, (viewers, 1, units).

    Without a mask, which would become a slow loop in ONNX: the history is turned around with its padding left behind,
    and the state is taken from where it ends.
    """
    keys = join(sides.histories.values())[:, :WINDOW]
    present = sides.present[:, :WINDOW]
    lengths = tf.cast(tf.reduce_sum(present, axis=(1, 2)), tf.int32)
    layer = keras.layers.GRU(
        units,
        return_sequences=True,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
        recurrent_initializer=keras.initializers.Orthogonal(seed=seed),
        name=STATE,
    )
    states = layer(tf.reverse_sequence(keys, lengths, seq_axis=1))
    ends = present - tf.pad(present[:, 1:], ((0, 0), (0, 1), (0, 0)))
    return tf.matmul(ends, states, transpose_a=True)


def adoptable(source: Any) -> dict[str, list[NDArray[np.float32]]]:
    """Take the weights of a network's recurrent layer and tables, by the names of the layers."""
    layers = [layer for layer in source.layers if layer.name == STATE or layer.name.endswith("_table")]
    return {layer.name: layer.get_weights() for layer in layers}


def adopt(network: Any, weights: Mapping[str, list[NDArray[np.float32]]]) -> None:
    """Let a network begin with weights that another one has learnt, see `adoptable`; what it has beside them stays."""
    for name, values in weights.items():
        layer = network.get_layer(name)
        layer.set_weights([put_first(old, new) for old, new in zip(layer.get_weights(), values, strict=True)])
