"""Attention of a candidate to what a viewer engaged with before."""

from __future__ import annotations

from typing import Any

from recsys.training.networks.layers import times
from recsys.training.networks.sides import join
from recsys.training.tensorflow import keras, tf

ABSENT = -1e9
"""Log-weight of a place behind the end of a history."""
FIRST_SCALE = 4.0
"""Of cosines, in log-weights: one of 1 weighs fifty times as much as one of 0."""
GAIN_PACE = 30.0
"""How many times as fast as other weights a gain is learnt. Gains begin at 0: a number of size 1 beside vectors that
begin as hundredths would say more than these for hundreds of steps, whatever it says."""
LEAST_SQUARE = 1e-3
"""Square of a length below which a direction counts for little. Explanations walk from zero to a vector, and must see
every step on the way."""


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


class CosineAttention(keras.layers.Layer):  # type: ignore[misc]
    """Attention to each history by cosines of what the candidate is with what the history holds, and how near they are.

    The weights are those of scaled dot-product attention (Vaswani et al., NIPS 2017, eq. 1) between vectors of one
    length, with a scale that is learnt: softmax of the sum over histories h of s[h] cos(P[h] q[h], k[h]), where P
    projects candidates. Vectors begin small: products of them would begin as good as equal, and so would the weights.

    Such weights add up to 1, however far everything lies from the candidate, so an average cannot say whether the
    viewer engaged with anything like it. So the mean of the squares of positive cosines stands beside it, one for each
    history, times a gain that is learnt: the mean is 1 where all of it is what the candidate is.
    """

    def build(self, shapes: list[Any]) -> None:
        """Make scales, gains and projections of candidates; the latter begin as what changes nothing."""
        self.widths = [int(shape[-1]) for shape in shapes[1:-1]]
        start = keras.initializers.Constant(FIRST_SCALE)
        self.scales = self.add_weight("scales", (len(self.widths),), initializer=start)
        self.gains = self.add_weight("gains", (len(self.widths),), initializer="zeros")
        self.projections = [
            self.add_weight(f"projection{place}", (width, width), initializer=keras.initializers.Identity())
            for place, width in enumerate(self.widths)
        ]

    def call(self, inputs: list[Any]) -> Any:
        """Average the behaviours of each viewer for each candidate, zeros if there are none; then how near they are.

        Args:
            inputs: as for `TargetAttention`; histories lie one behind the other in the candidates' vectors.

        Returns:
            (viewers, candidates, width + histories).
        """
        query, *behaviours, present = inputs
        places = tf.transpose(present, (0, 2, 1))
        length = tf.maximum(tf.reduce_sum(places, axis=-1, keepdims=True), 1.0)
        total, near = ABSENT * (1.0 - places), []
        queries = tf.split(query, self.widths, axis=-1)
        for place, (one, keys) in enumerate(zip(queries, behaviours, strict=True)):
            projected = directed(times(one, self.projections[place]))
            cosines = tf.matmul(projected, directed(keys) * present, transpose_b=True)
            total += self.scales[place] * cosines
            squares = tf.reduce_sum(tf.square(tf.nn.relu(cosines)), axis=-1, keepdims=True)
            near.append(GAIN_PACE * self.gains[place] * squares / length)
        average = tf.matmul(tf.nn.softmax(total), join(behaviours) * present)
        return tf.concat([average, *near], axis=-1)


def directed(vectors: Any) -> Any:
    """Make vectors as good as one long, and those that are all but zero shorter, so that nothing jumps at zero."""
    squares = tf.reduce_sum(tf.square(vectors), axis=-1, keepdims=True) + LEAST_SQUARE
    return vectors * tf.pow(squares, -0.5)  # ONNX has no gradient of tf.math.rsqrt
