"""Products of all pairs of features, where what concerns one side alone is computed once for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.training.networks.layers import times
from recsys.training.tensorflow import keras, tf


class FactorisationMachine(keras.layers.Layer):  # type: ignore[misc]
    """Linear weights and products of all pairs of features, where sums over a side are taken once.

    Rendle, "Factorization Machines", ICDM 2010, lemma 3.1: half of the square of the sum less the sum of squares. For
    two sides that is the same of each side, plus the product of the two sums. Features lie side by side, and sums over
    them are products with matrices of ones: taking vectors apart and putting gradients together again costs more.

    Args:
        width: of each feature's vector: its linear weight, then its factors.
    """

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.width = width
        self.linear = np.eye(1, width, dtype=np.float32)
        self.factors = 1 - self.linear

    def call(self, sides: list[Any], training: bool | None = None) -> Any:
        """Give the log-odds of pairs, (viewers, candidates, 1).

        Args:
            sides: vectors of all features (viewers, 1, features x width) and (groups, candidates, features x width).
            training: rows are flat then, so that nothing is gained by keeping the sides apart.
        """
        if training:
            both = tf.concat(sides, axis=-1)
            return self._alone(both, self._total(both))
        viewer, candidate = totals = [self._total(side) for side in sides]
        alone = [self._alone(side, total) for side, total in zip(sides, totals, strict=True)]
        return alone[0] + alone[1] + times(viewer * candidate, self.factors.T)

    def _total(self, side: Any) -> Any:
        """Add up a side's features, (..., width)."""
        return times(side, self._tiled(side, np.eye(self.width)))

    def _alone(self, side: Any, total: Any) -> Any:
        """Give what a side's linear weights, and the pairs among its features, add to the log-odds."""
        squares = times(tf.square(side), self._tiled(side, -0.5 * self.factors.T))
        return times(total * (0.5 * self.factors * total + self.linear), np.ones((self.width, 1))) + squares

    def _tiled(self, side: Any, matrix: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.tile(matrix, (side.shape[-1] // self.width, 1))


def split(vectors: Any) -> list[Any]:
    """Take linear weights (..., 1) and factors apart; the gradient of slices would cost five times as much."""
    found: list[Any] = tf.split(vectors, [1, vectors.shape[-1] - 1], axis=-1)
    return found


class FieldWeightedMachine(keras.layers.Layer):  # type: ignore[misc]
    """Linear weights, and products of pairs of features, each with the weight of its pair of fields.

    Pan et al., "Field-weighted Factorization Machines", WWW 2018, eq. 6. With R the symmetric weights and v a side's
    vectors, a side alone gives the sum of R[i, j] <v_i, v_j> over i < j; both together give the sum of <(R v)_j, c_j>
    over the candidate's fields j, where R v is taken once per viewer.
    """

    def build(self, shapes: list[Any]) -> None:
        """Make the weights of pairs of fields, of which those above the diagonal count."""
        self.counts = [int(shape[-2]) for shape in shapes]
        fields = sum(self.counts)
        start = keras.initializers.RandomUniform(0.5, 1.5)
        self.strengths = self.add_weight("strengths", (fields, fields), initializer=start)

    def call(self, sides: list[Any]) -> Any:
        """Give the log-odds of pairs, (viewers, candidates, 1); sides as for `FactorisationMachine`."""
        weights, (viewer, candidate) = zip(*map(split, sides), strict=True)
        first = self.counts[0]
        upper = tf.linalg.band_part(self.strengths, 0, -1) - tf.linalg.band_part(self.strengths, 0, 0)
        linear = [tf.reduce_sum(each, axis=-2) for each in weights]
        alone = _weighed(viewer, upper[:first, :first]) + _weighed(candidate, upper[first:, first:])
        of_viewer = _mixed(viewer, upper[:first, first:])
        both = tf.reduce_sum(_flat(of_viewer) * _flat(candidate), axis=-1, keepdims=True)
        return linear[0] + linear[1] + alone + both


def _mixed(vectors: Any, strengths: Any) -> Any:
    """Mix the vectors of one set of fields into one for each of another set; (..., fields, factors)."""
    return tf.matmul(strengths, vectors, transpose_a=True)


def _weighed(vectors: Any, upper: Any) -> Any:
    return tf.reduce_sum(_flat(_mixed(vectors, upper)) * _flat(vectors), axis=-1, keepdims=True)


def _flat(vectors: Any) -> Any:
    count, width = vectors.shape[-2:]
    return tf.reshape(vectors, (-1, tf.shape(vectors)[1], count * width))
