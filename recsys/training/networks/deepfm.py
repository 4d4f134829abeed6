"""DeepFM: pairwise products of all features beside a deep network on the same vectors."""

from __future__ import annotations

from typing import Any

from recsys.training.networks.network import Layout, Network, PairDense, embed, finish
from recsys.training.tensorflow import keras, tf

FACTORS = 8
HIDDEN = (64, 32)
DROPOUT = 0.2
FORGETTING = 0.3
PENALTY = 1e-4


def build(layout: Layout, seed: int) -> Network:
    """Build DeepFM with the histories averaged; Guo et al., IJCAI 2017.

    Each vector holds one linear weight and the factors, so that one look-up serves both.
    """
    sides = embed(layout, width=lambda feature: 1 + FACTORS, seed=seed, forgetting=FORGETTING, penalty=PENALTY)
    viewer = tf.stack([*sides.viewer.values(), *(sides.mean(name) for name in sides.histories)], axis=-2)
    candidate = tf.stack(list(sides.candidate.values()), axis=-2)
    hidden = PairDense(HIDDEN[0], seed=seed)([_factors(viewer), _factors(candidate)])
    rows = deepen(keras.layers.Dropout(DROPOUT)(hidden), HIDDEN[1:], DROPOUT, seed)
    return finish(layout, sides, pairs=[FactorisationMachine()([viewer, candidate])], rows=rows)


def _factors(vectors: Any) -> Any:
    """Lay the factors of all features side by side, without the linear weights."""
    count, width = vectors.shape[-2:]
    return keras.layers.Lambda(lambda all: tf.reshape(all[..., 1:], (-1, tf.shape(all)[1], count * (width - 1))))(
        vectors
    )


def deepen(rows: Any, units: tuple[int, ...], dropout: float, seed: int) -> Any:
    """Put further dense layers, each with dropout, on rows."""
    for place, width in enumerate(units):
        start = keras.initializers.GlorotUniform(seed + place + 1)
        rows = keras.layers.Dropout(dropout)(keras.layers.Dense(width, "relu", kernel_initializer=start)(rows))
    return rows


class FactorisationMachine(keras.layers.Layer):  # type: ignore[misc]
    """Linear weights and products of all pairs of features, where sums over a side are taken once.

    Rendle, "Factorization Machines", ICDM 2010, lemma 3.1: half of the square of the sum less the sum of squares. For
    two sides that is the same of each side, plus the product of the two sums.
    """

    def call(self, sides: list[Any]) -> Any:
        """Give the log-odds of pairs, (viewers, candidates, 1).

        Args:
            sides: vectors (viewers, 1, features, 1 + factors) and (groups, candidates, features, 1 + factors); the
                first number of each is its linear weight.
        """
        sums = [tf.reduce_sum(vectors, axis=-2) for vectors in sides]
        alone = [_alone(vectors, total) for vectors, total in zip(sides, sums, strict=True)]
        both = tf.reduce_sum(sums[0][..., 1:] * sums[1][..., 1:], axis=-1, keepdims=True)
        return alone[0] + alone[1] + both


def _alone(vectors: Any, total: Any) -> Any:
    """Give the log-odds of one side by itself."""
    squares = tf.square(total[..., 1:]) - tf.reduce_sum(tf.square(vectors[..., 1:]), axis=-2)
    return total[..., :1] + 0.5 * tf.reduce_sum(squares, axis=-1, keepdims=True)
