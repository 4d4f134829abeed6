"""One step of DP-SGD (Abadi et al., CCS 2016, algorithm 1), with the gradient of a whole unit clipped at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import FeatureSpec, Feeds
from recsys.training.tensorflow import tf
from recsys.training.unlearning.learner import log_losses

Gradients = list[NDArray[np.float32]]

SMALLEST_NORM = 1e-12


class PrivateStep:
    """Sums the clipped gradients of units, one unit at a time in one graph: exact for any network, in little memory.

    Gradients of embedding tables are made dense, since the noise has to cover every row: which rows a step touched is
    itself about people. That is what makes large tables costly here, in time and in noise.
    """

    def __init__(self, network: Any, spec: FeatureSpec, clip: float) -> None:
        self.network = network
        self.clip = clip
        self._names = spec.names
        feeds = {feature.name: tf.TensorSpec((None, feature.length), tf.int32) for feature in spec.features}
        signature = [feeds, tf.TensorSpec((None,), tf.float32), tf.TensorSpec((None,), tf.int32)]
        self._sum = tf.function(self._sum_units, input_signature=signature)

    def clipped_sum(
        self, feeds: Feeds, labels: NDArray[np.float32], rows: NDArray[np.int64], starts: NDArray[np.int64]
    ) -> tuple[Gradients, NDArray[np.float32]]:
        """Sum the gradients of units, each shortened to the bound where it is longer.

        Args:
            rows: of the drawn units, one after the other.
            starts: where each unit begins among them, shape (units + 1,).

        Returns:
            The sum for each trainable variable, dense, of norm at most units x clip; and the norms of the units'
            gradients before they were shortened, shape (units,).
        """
        tensors = {name: tf.constant(feeds[name][rows]) for name in self._names}
        sums, norms = self._sum(tensors, tf.constant(labels[rows]), tf.constant(starts.astype(np.int32)))
        return [np.asarray(each) for each in sums], np.asarray(norms)

    def _sum_units(self, feeds: dict[str, Any], labels: Any, starts: Any) -> tuple[list[Any], Any]:
        variables = self.network.trainable_variables
        count = tf.size(starts) - 1

        def add_unit(unit: Any, sums: list[Any], norms: Any) -> tuple[Any, list[Any], Any]:
            begin, end = starts[unit], starts[unit + 1]
            gradients = self._gradient({name: ids[begin:end] for name, ids in feeds.items()}, labels[begin:end])
            norm = tf.linalg.global_norm(gradients)
            scale = tf.minimum(1.0, self.clip / tf.maximum(norm, SMALLEST_NORM))
            added = [total + scale * each for total, each in zip(sums, gradients, strict=True)]
            return unit + 1, added, norms.write(unit, norm)

        start = [tf.zeros_like(variable) for variable in variables]
        norms = tf.TensorArray(tf.float32, size=count, element_shape=())
        _, sums, norms = tf.while_loop(
            lambda unit, sums, norms: unit < count, add_unit, (tf.constant(0), start, norms), parallel_iterations=1
        )
        return sums, norms.stack()

    def _gradient(self, feeds: dict[str, Any], labels: Any) -> list[Any]:
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(log_losses(self.network, feeds, labels))
            if self.network.losses:
                loss += tf.add_n(self.network.losses)
        found = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.convert_to_tensor(gradient) for gradient in found]


def with_noise(
    sums: Gradients, *, noise: float, clip: float, expected: float, random: np.random.Generator
) -> Gradients:
    """Add the noise and divide by the expected number of units, which is no secret, unlike the number drawn.

    Args:
        noise: standard deviation in units of the clipping bound; every entry of every variable gets its own draw.
    """
    return [((each + random.normal(0.0, noise * clip, each.shape)) / expected).astype(np.float32) for each in sums]
