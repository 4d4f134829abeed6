"""What each thing that a viewer engaged with says about a candidate by itself: item-item weights of reduced rank."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.training.tensorflow import keras, tf

ITEM = "creative"
"""The feature that says which creative it is."""


def columns(rank: int) -> int:
    """Count the numbers of either vector of an id, P or Q: those of item-item weights, and the one for the id alone."""
    return rank + 1 if rank else 0


class Related(keras.layers.Layer):  # type: ignore[misc]
    """Adds item-item weights to the log-odds of a network: slope x log-odds + sums of B[h, c] over histories h + b[c].

    B = P Q' is a product of two vectors for each id, P where it is history and Q where it is a candidate, so that a
    viewer costs one sum and a pair one product. The last number of Q is b, what is said of a candidate whoever asks;
    the last one of P is 0, and 1 takes its place once a history is summed. None of them, nor the slope, is moved by a
    step of learning: they are computed from the train part and weighed on the validation part, see
    `recsys.training.items` and `recsys.training.counting`. Until then P and Q are zeros and the slope is 1, and the
    layer changes nothing.

    Args:
        averaged: for each history, whether its sum is divided by the square root of its length. Of few and broad ids,
            such as categories, a history holds the same again and again; what is more of it says less.
    """

    def __init__(self, averaged: tuple[bool, ...], **options: Any) -> None:
        super().__init__(**options)
        self.averaged = averaged

    def build(self, shapes: Any) -> None:
        """Make the slope."""
        del shapes
        self.slope = self.add_weight("slope", (), initializer="ones", trainable=False)

    def call(self, inputs: list[list[Any]]) -> Any:
        """Add.

        Args:
            inputs: log-odds whose shapes broadcast to (viewers, candidates, 1); P of each history (viewers, places,
                rank + 1); Q of the candidates for each (groups, candidates, rank + 1); and, alone, 1.0 where histories
                hold something, (viewers, places, 1).

        Returns:
            (viewers, candidates, 1).
        """
        terms, histories, candidates, (present,) = inputs
        length = tf.maximum(tf.reduce_sum(present, axis=1, keepdims=True), 1.0)
        found = self.slope * reduce(add, terms)
        everybody = tf.one_hot([candidates[0].shape[-1] - 1], candidates[0].shape[-1])  # what needs no history
        for averaged, history, candidate in zip(self.averaged, histories, candidates, strict=True):
            engaged = tf.matmul(present, history, transpose_a=True)
            engaged = engaged * tf.math.rsqrt(length) if averaged else engaged
            found += tf.reduce_sum((engaged + everybody) * candidate, axis=-1, keepdims=True)
        return found


class Beside(keras.initializers.Initializer):  # type: ignore[misc]
    """Begins as another initialiser says, with columns of zeros beside.

    Args:
        start: of the first columns.
        columns: of zeros.
    """

    def __init__(self, start: Any, columns: int) -> None:
        self.start, self.columns = start, columns

    def __call__(self, shape: Any, dtype: Any = None, **options: Any) -> Any:
        """Make (rows, columns of both)."""
        rows, width = shape
        first = self.start((rows, width - self.columns), dtype=dtype, **options)
        return tf.concat([first, tf.zeros((rows, self.columns), first.dtype)], axis=1)


def put_first(wide: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put values in the first columns of weights that may have more of them; of one width they replace them."""
    if wide.shape == values.shape:
        return values
    return np.concatenate([values, wide[:, values.shape[1] :]], axis=1)
