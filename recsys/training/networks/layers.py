"""Layers that compute once per viewer, once per candidate, and for every pair only what needs both."""

from __future__ import annotations

from typing import Any

from recsys.training.configuration import NetworkConfig
from recsys.training.tensorflow import keras, tf


def deepen(rows: Any, config: NetworkConfig, seed: int) -> Any:
    """Put the deep part's dense layers but the first, which is a `PairDense`, on rows; dropout follows each.

    Args:
        rows: what the first layer gives, (rows, units).
    """
    rows = Dropout(config.dropout)(rows)
    for place, units in enumerate(config.hidden[1:], start=1):
        start = keras.initializers.GlorotUniform(seed + place)
        rows = keras.layers.Dense(units, "relu", kernel_initializer=start)(rows)
        rows = Dropout(config.dropout)(rows)
    return rows


class Dropout(keras.layers.Layer):  # type: ignore[misc]
    """Leaves hidden units out while training; Srivastava et al., JMLR 15, 2014.

    Keras's layer draws 32 random bits for each unit, which costs more than the unit. This one draws eight, so that the
    share is rounded to a multiple of 1/256; what stays is scaled by just that share.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.left_out = round(rate * 256)

    def call(self, rows: Any, training: bool | None = None) -> Any:
        """Set a share of (rows, units) to 0 and scale the others, while training; pass rows through otherwise."""
        if not training or not self.left_out:
            return tf.identity(rows)
        count, units = tf.shape(rows)[0], rows.shape[-1]
        drawn = -(-units // 4)
        seed = tf.random.uniform((2,), maxval=tf.int32.max, dtype=tf.int32)
        bits = tf.random.stateless_uniform((count, drawn), seed, minval=None, maxval=None, dtype=tf.int32)
        bits = tf.reshape(tf.bitcast(bits, tf.uint8), (count, drawn * 4))
        bits = bits if drawn * 4 == units else bits[:, :units]
        return rows * (tf.cast(bits >= self.left_out, tf.float32) * (256 / (256 - self.left_out)))


class PairDense(keras.layers.Layer):  # type: ignore[misc]
    """A dense layer on the concatenation of what is known of a viewer, of a candidate and of both together.

    W [v; c; b] = Wv v + Wc c + Wb b: the first product is taken once per viewer, the second once per candidate.
    """

    def __init__(
        self,
        units: int,
        activation: str | None = "relu",
        seed: int | None = None,
        *,
        use_bias: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units = units
        self.use_bias = use_bias
        self.activation = keras.activations.get(activation)
        self.initializer = keras.initializers.GlorotUniform(seed)

    def build(self, shapes: list[Any]) -> None:
        """Make one kernel, as a dense layer over all widths would have it."""
        width = sum(int(shape[-1]) for shape in shapes)
        self.kernel = self.add_weight("kernel", (width, self.units), initializer=self.initializer)
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.units,), initializer="zeros")

    def call(self, parts: list[Any], training: bool | None = None) -> Any:
        """Compute a row for each pair.

        Args:
            parts: of the viewer (viewers, 1, width), of the candidate (groups, candidates, width) and, if there is
                any, of both (viewers, candidates, width).
            training: rows are flat then, and one product serves all parts.

        Returns:
            (viewers x candidates, units).
        """
        if training:
            rows = [tf.reshape(part, (-1, part.shape[-1])) for part in parts]
            rows = tf.concat(rows, axis=-1) @ self.whole()
            return self.activation(tf.nn.bias_add(rows, self.bias) if self.use_bias else rows)
        kernels = tf.split(self.whole(), [part.shape[-1] for part in parts])
        viewer, candidate = parts[:2]
        first = tf.reshape(viewer, (-1, viewer.shape[-1])) @ kernels[0]
        if self.use_bias:
            first = tf.nn.bias_add(first, self.bias)
        rows = tf.reshape(tf.expand_dims(first, 1) + times(candidate, kernels[1]), (-1, self.units))
        if len(parts) > 2:
            rows += tf.reshape(parts[2], (-1, parts[2].shape[-1])) @ kernels[2]
        return self.activation(rows)

    def whole(self) -> Any:
        """Return the kernel, (sum of widths, units)."""
        return self.kernel


class FactorDense(PairDense):
    """A `PairDense` on vectors whose first number is a linear weight, which it does not look at.

    To multiply these with rows of zeros costs less than to take them out of the vectors.

    Args:
        width: of each feature's vector: its linear weight, then its factors.
    """

    def __init__(self, units: int, width: int, seed: int | None = None) -> None:
        super().__init__(units, seed=seed)
        self.width = width

    def build(self, shapes: list[Any]) -> None:
        """Make one kernel, as a dense layer over all factors would have it."""
        super().build([(int(shape[-1]) // self.width * (self.width - 1),) for shape in shapes])

    def whole(self) -> Any:
        """Return the kernel with rows of zeros for linear weights."""
        factors = tf.reshape(self.kernel, (-1, self.width - 1, self.units))
        return tf.reshape(tf.pad(factors, [[0, 0], [1, 0], [0, 0]]), (-1, self.units))


def times(vectors: Any, matrix: Any) -> Any:
    """Multiply all vectors with a matrix, in one product.

    Args:
        vectors: (viewers or groups, candidates, width).
        matrix: (width, columns).

    Returns:
        (viewers or groups, candidates, columns).
    """
    rows = tf.reshape(vectors, (-1, vectors.shape[-1])) @ tf.convert_to_tensor(matrix, tf.float32)
    return tf.reshape(rows, (-1, tf.shape(vectors)[1], matrix.shape[-1]))


class AsPairs(keras.layers.Layer):  # type: ignore[misc]
    """Lays rows out as (viewers, candidates, width), given vectors of the candidates."""

    def call(self, inputs: list[Any]) -> Any:
        """Reshape (viewers x candidates, width) by the second dimension of the candidates' vectors."""
        rows, candidate = inputs
        return tf.reshape(rows, (-1, tf.shape(candidate)[1], rows.shape[-1]))
