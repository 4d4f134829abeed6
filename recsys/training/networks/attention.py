"""Attention of a candidate to what a viewer engaged with before."""

from __future__ import annotations

from typing import Any

from recsys.training.networks.sides import join
from recsys.training.tensorflow import keras, tf

ABSENT = -1e9
"""Log-weight of a place behind the end of a history."""


class TargetAttention(keras.layers.Layer):  # type: ignore[misc]
    """The local activation unit of the Deep Interest Network; Zhou et al., KDD 2018, section 4.3.

    Its first layer reads [q, k, q - k, q * k] of a candidate q and a behaviour k, and is linear in them:
    W [q; k; q - k; q * k] + b = (Wq + Wd) q + b + ((Wk - Wd) + Wp diag(q)) k. The bracket is one matrix per candidate,
    so that all candidates read all behaviours in a single matrix product, and no q * k is ever laid out.

    Args:
        units: of the hidden layers.
        normalise: let the weights of a viewer's behaviours add up to 1, which the paper does not.
    """

    def __init__(
        self, units: tuple[int, ...], seed: int | None = None, *, normalise: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        self.normalise = normalise
        self.units = units
        self.seed = seed

    def build(self, shapes: list[Any]) -> None:
        """Make the weights of the dense layers, the last of which gives one weight per behaviour."""
        self.width = int(shapes[0][-1])
        self.kernels, self.biases, rows = [], [], 4 * self.width
        for place, units in enumerate((*self.units, 1)):
            start = keras.initializers.GlorotUniform(None if self.seed is None else self.seed + place)
            self.kernels.append(self.add_weight(f"kernel{place}", (rows, units), initializer=start))
            self.biases.append(self.add_weight(f"bias{place}", (units,), initializer="zeros"))
            rows = units

    def call(self, inputs: list[Any]) -> Any:
        """Add up the behaviours of each viewer, weighted for each candidate.

        Args:
            inputs: candidates (groups, candidates, width), behaviours (viewers, places, width), whose width may be
                shared among several, and 1.0 where there is a behaviour, (viewers, places, 1).

        Returns:
            (viewers, candidates, width).
        """
        query, *_, present = inputs
        keys = tf.concat(inputs[1:], axis=-1)  # laid out once, each with the 1.0 behind it
        scores = self.score(query, keys)
        if self.normalise:
            scores = tf.nn.softmax(scores + ABSENT * (1.0 - present), axis=1)
        return tf.matmul(scores * present, keys, transpose_a=True)[..., : self.width]

    def score(self, query: Any, keys: Any) -> Any:
        """Weigh behaviours for candidates, before those that are none are left out; (viewers, places, candidates)."""
        count, units = tf.shape(query)[1], (*self.units, 1)
        of_query, of_key, of_difference, of_product = tf.split(self.kernels[0], 4)
        of_keys = tf.transpose(query, (0, 2, 1))[..., None] * of_product[:, None, :]
        of_keys += (of_key - of_difference)[:, None, :]
        alone = tf.tensordot(query, of_query + of_difference, 1) + self.biases[0]
        matrices = tf.concat([of_keys, alone[:, None]], axis=1)  # the last row meets the 1.0 behind each behaviour
        matrices = tf.reshape(matrices, (-1, self.width + 1, count * units[0]))
        hidden = tf.reshape(tf.matmul(keys, matrices), (-1, units[0]))
        for kernel, bias in zip(self.kernels[1:], self.biases[1:], strict=True):
            hidden = tf.nn.bias_add(tf.nn.relu(hidden) @ kernel, bias)
        return tf.reshape(hidden, (-1, keys.shape[1], count))


class DotAttention(keras.layers.Layer):  # type: ignore[misc]
    """Attention by scaled dot products of a projected candidate with behaviours; Vaswani et al., NIPS 2017, eq. 1."""

    def build(self, shapes: list[Any]) -> None:
        """Make the projection of candidates; it begins as what it does not change."""
        width = int(shapes[0][-1])
        self.projection = self.add_weight("projection", (width, width), initializer=keras.initializers.Identity())

    def call(self, inputs: list[Any]) -> Any:
        """Average the behaviours of each viewer for each candidate; zeros if there are none.

        Args:
            inputs: as for `TargetAttention`.

        Returns:
            (viewers, candidates, width).
        """
        query, *behaviours, present = inputs
        keys = join(behaviours)
        scale = keys.shape[-1] ** -0.5
        products = tf.matmul(tf.tensordot(query, self.projection * scale, 1), keys, transpose_b=True)
        weights = tf.nn.softmax(products + ABSENT * (1.0 - tf.transpose(present, (0, 2, 1))))
        return tf.matmul(weights, keys * present)
