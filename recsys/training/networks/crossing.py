"""Deep and cross network: explicit products of features up to a degree, learnt layer by layer."""

from __future__ import annotations

from typing import Any

from recsys.training.configuration import NetworkConfig
from recsys.training.networks.layers import AsPairs, PairDense, deepen
from recsys.training.networks.layout import Layout
from recsys.training.networks.network import Network, finish
from recsys.training.networks.sides import embed, join, two_widths
from recsys.training.tensorflow import keras, tf


def cross(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build DCN v2, cross and deep part side by side, histories averaged; Wang et al., WWW 2021."""
    sides = embed(layout, config, seed, two_widths(config))
    means = [sides.mean(name) for name in sides.histories]
    parts = [join([*sides.viewer.values(), *means]), join(sides.candidate.values())]
    crossed = Cross(config.crosses, seed)(parts)
    logits = AsPairs()([keras.layers.Dense(1, use_bias=False, name="cross_logit")(crossed), parts[1]])
    rows = PairDense(config.hidden[0], seed=seed)(parts)
    return finish(layout, config, sides, pairs=[logits], rows=deepen(rows, config, seed))


class Cross(keras.layers.Layer):  # type: ignore[misc]
    """Cross layers with full matrices: x' = x0 * (W x + b) + x; Wang et al., "DCN V2", WWW 2021, eq. 1.

    In the first layer x is x0, the two sides next to each other, so that its product is taken for each side alone.
    """

    def __init__(self, crosses: int, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.crosses = crosses
        self.seed = seed

    def build(self, shapes: list[Any]) -> None:
        """Make a matrix and a bias for each layer."""
        self.widths = [int(shape[-1]) for shape in shapes]
        width = sum(self.widths)
        self.kernels, self.biases = [], []
        for place in range(self.crosses):
            start = keras.initializers.GlorotNormal(None if self.seed is None else self.seed + place)
            self.kernels.append(self.add_weight(f"kernel{place}", (width, width), initializer=start))
            self.biases.append(self.add_weight(f"bias{place}", (width,), initializer="zeros"))

    def call(self, parts: list[Any]) -> Any:
        """Cross what is known of pairs; a row for each, (viewers x candidates, width of both sides)."""
        viewer, candidate = parts
        width, count = sum(self.widths), tf.shape(candidate)[1]
        of_viewer, of_candidate = tf.split(self.kernels[0], self.widths)
        first = tf.nn.bias_add(tf.reshape(viewer, (-1, self.widths[0])) @ of_viewer, self.biases[0])
        second = tf.reshape(tf.reshape(candidate, (-1, self.widths[1])) @ of_candidate, (-1, count, width))
        product = tf.reshape(first[:, None, :] + second, (-1, width))
        start = tf.reshape(_beside(viewer, candidate), (-1, width))
        crossed = start * product + start
        for kernel, bias in zip(self.kernels[1:], self.biases[1:], strict=True):
            crossed = start * tf.nn.bias_add(crossed @ kernel, bias) + crossed
        return crossed


def _beside(viewer: Any, candidate: Any) -> Any:
    """Put the vector of each viewer beside that of each candidate; (viewers, candidates, width of both)."""
    viewers = viewer + tf.zeros_like(candidate[..., :1])
    candidates = candidate + tf.zeros_like(viewer[..., :1])
    return tf.concat([viewers, candidates], axis=-1)
