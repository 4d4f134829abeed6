"""Self-attentive sequential recommendation: the state after the newest behaviour is compared with the candidate."""

from __future__ import annotations

from typing import Any

from recsys.features import Feature
from recsys.training.configuration import NetworkConfig
from recsys.training.networks.attention import ABSENT
from recsys.training.networks.layout import Layout
from recsys.training.networks.network import Network, finish
from recsys.training.networks.places import Places
from recsys.training.networks.sides import Sides, embed, join, two_widths
from recsys.training.networks.transformer import head_width
from recsys.training.tensorflow import keras, tf


def self_attentive(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build SASRec beside the linear weights of all features; Kang and McAuley, ICDM 2018.

    Everything but one dot product per candidate is computed once per viewer. Each vector of a creative's feature holds
    one linear weight and then the vector itself.
    """
    vector = two_widths(config)
    remembered = {feature.table for feature in layout.histories}

    def width(feature: Feature) -> int:
        return 1 + vector(feature) if (feature.table or feature.name) in remembered else 1

    sides = embed(layout, config, seed, width)
    pairs = [tf.add_n([each[..., :1] for each in side.values()]) for side in (sides.viewer, sides.candidate)]
    if sides.histories:
        pairs.append(_match(sides, config, seed))
    return finish(layout, config, sides, pairs=pairs)


def _match(sides: Sides, config: NetworkConfig, seed: int) -> Any:
    """Compare the state of each viewer with each candidate; log-odds (viewers, candidates, 1)."""
    items = join(sides.candidate[feature.table][..., 1:] for feature in sides.layout.histories)
    width = int(items.shape[-1])
    head_width(config, width)
    keys = Places()(join(each[..., 1:] for each in sides.histories.values()) * width**0.5)
    keys = keras.layers.Dropout(config.dropout)(keys)
    for block in range(config.blocks):
        last = block == config.blocks - 1
        layer = CausalBlock(config.heads, config.dropout, seed + block, newest_only=last)
        keys = layer([keys, sides.present])
    state = Normalisation()(keys) * sides.present[:, :1]
    return tf.reduce_sum(state * items, axis=-1, keepdims=True)


class Normalisation(keras.layers.Layer):  # type: ignore[misc]
    """Layer normalisation: Ba, Kiros and Hinton, 2016, in the operations that onnxruntime knows how to join."""

    def build(self, shape: Any) -> None:
        """Make scale and offset."""
        self.scale = self.add_weight("scale", (shape[-1],), initializer="ones")
        self.offset = self.add_weight("offset", (shape[-1],), initializer="zeros")

    def call(self, values: Any) -> Any:
        """Bring each vector to mean 0 and variance 1, then scale and shift it."""
        centred = values - tf.reduce_mean(values, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
        return centred / tf.sqrt(variance + 1e-6) * self.scale + self.offset


class CausalBlock(keras.layers.Layer):  # type: ignore[misc]
    """Self-attention of behaviours to themselves and older ones, and a dense layer on each; normalised beforehand.

    Args:
        newest_only: compute only the state after the newest behaviour, of which a last block needs no other.
    """

    def __init__(self, heads: int, dropout: float, seed: int, *, newest_only: bool, **options: Any) -> None:
        super().__init__(**options)
        self.heads, self.seed, self.newest_only = heads, seed, newest_only
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, shapes: list[Any]) -> None:
        """Make the projections and the dense layers."""
        self.length, self.width = (int(size) for size in shapes[0][1:])
        self.before, self.between = Normalisation(), Normalisation()
        names = ("query", "key", "value", "first", "second")
        self.kernels = {
            name: self.add_weight(
                name, (self.width, self.width), initializer=keras.initializers.GlorotUniform(self.seed + place)
            )
            for place, name in enumerate(names)
        }
        self.biases = {name: self.add_weight(f"{name}_bias", (self.width,)) for name in names[3:]}

    def call(self, inputs: list[Any], training: bool | None = None) -> Any:
        """Compute the states.

        Args:
            inputs: behaviours, newest first, (viewers, places, width); 1.0 where there is one, (viewers, places, 1).

        Returns:
            (viewers, places, width), or (viewers, 1, width) of the newest only.
        """
        keys, present = inputs
        normal = self.before(keys)
        asking = 1 if self.newest_only else self.length
        mixed = self._attend(normal[:, :asking], normal, present, asking)
        states = keys[:, :asking] + self.dropout(mixed, training=training)
        inner = tf.nn.relu(_dense(self.between(states), self.kernels["first"]) + self.biases["first"])
        inner = _dense(self.dropout(inner, training=training), self.kernels["second"]) + self.biases["second"]
        return states + self.dropout(inner, training=training)

    def _attend(self, queries: Any, keys: Any, present: Any, asking: int) -> Any:
        query = self._by_head(_dense(queries, self.kernels["query"]), asking)
        key, value = (self._by_head(_dense(keys, self.kernels[name]), self.length) for name in ("key", "value"))
        scores = tf.matmul(query, key, transpose_b=True) * (self.width // self.heads) ** -0.5
        newer = 1.0 - tf.linalg.band_part(tf.ones((asking, self.length)), 0, -1)
        hidden = ABSENT * (newer + 1.0 - tf.transpose(present, (0, 2, 1)))
        mixed = tf.matmul(tf.nn.softmax(scores + hidden[:, None]), value)
        return tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), (-1, asking, self.width))

    def _by_head(self, values: Any, places: int) -> Any:
        return tf.transpose(tf.reshape(values, (-1, places, self.heads, self.width // self.heads)), (0, 2, 1, 3))


def _dense(values: Any, kernel: Any) -> Any:
    places, width = values.shape[1:]
    return tf.reshape(tf.reshape(values, (-1, width)) @ kernel, (-1, places, kernel.shape[-1]))
