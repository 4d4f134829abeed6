"""A training loop whose outcome depends on the rows, their order and the seed, and on nothing else.

Early stopping, a calibration or a vocabulary would each look at rows of other people; here nothing does. The same rows
with the same seed give the same weights, bit for bit, in this process or in another one on the same machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import FeatureSpec, Feeds
from recsys.training.dataset import Examples
from recsys.training.tensorflow import keras, tf
from recsys.training.unlearning.checkpoints import Weights

SCORING_BATCH = 8_192


class Learner:
    """Fits one network again and again, each time from given weights; traced once.

    The moments of Adam (Kingma and Ba, ICLR 2015) begin at zero in every call, so that weights are all that a
    checkpoint has to hold.
    """

    def __init__(self, network: Any, spec: FeatureSpec, *, batch_size: int, seed: int, learning_rate: float) -> None:
        self.network = network
        self.batch_size = batch_size
        self.seed = seed
        self._names = spec.names
        self._optimizer = keras.optimizers.Adam(learning_rate)
        self._optimizer.build(network.trainable_variables)
        feeds = {feature.name: tf.TensorSpec((None, feature.length), tf.int32) for feature in spec.features}
        self._step = tf.function(self._learn_batch, input_signature=[feeds, tf.TensorSpec((None,), tf.float32)])

    @property
    def weights(self) -> Weights:
        """Every weight of the network, copied."""
        return [np.array(weight) for weight in self.network.get_weights()]

    @weights.setter
    def weights(self, weights: Weights) -> None:
        self.network.set_weights(weights)

    def learn(self, examples: Examples, *, epochs: int, seed: int, afresh: bool = True) -> None:
        """Go through the examples some times, each time in another order that the seed decides.

        Args:
            seed: of the orders; what the network draws while training (dropout) begins anew with the learner's seed.
            afresh: whether the moments and what the network draws begin anew; otherwise they go on where they were.
        """
        if afresh:
            self._begin_anew()
        orders = np.random.default_rng(seed)
        for _ in range(epochs):
            order = orders.permutation(len(examples))
            for begin in range(0, len(order), self.batch_size):
                rows = order[begin : begin + self.batch_size]
                self._step(self._tensors(examples.feeds, rows), tf.constant(examples.labels[rows]))

    def score(self, examples: Examples) -> NDArray[np.float32]:
        """Score examples: uncalibrated probabilities, float32, shape (rows,)."""
        scores = self.network.predict(
            {name: examples.feeds[name] for name in self._names}, batch_size=SCORING_BATCH, verbose=0
        )
        found: NDArray[np.float32] = scores.reshape(-1)
        return found

    def _begin_anew(self) -> None:
        for slot in self._optimizer.variables:
            if "learning_rate" not in slot.name:
                slot.assign(tf.zeros_like(slot))
        tf.random.set_seed(self.seed)  # also sets back the counters of random operations that are traced already

    def _tensors(self, feeds: Feeds, rows: NDArray[np.intp]) -> dict[str, Any]:
        return {name: tf.constant(feeds[name][rows]) for name in self._names}

    def _learn_batch(self, feeds: dict[str, Any], labels: Any) -> None:
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(log_losses(self.network, feeds, labels))
            if self.network.losses:
                loss += tf.add_n(self.network.losses)
        self._optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))


def log_losses(network: Any, feeds: dict[str, Any], labels: Any) -> Any:
    """Compute the log loss of each row while training, in nats, shape (rows,)."""
    probabilities = tf.reshape(network(feeds, training=True), (-1, 1))
    return keras.losses.binary_crossentropy(labels[:, None], probabilities)


def start_at_rate(network: Any, labels: NDArray[np.float32]) -> None:
    """Set the bias of the output to the log-odds of some labels; without labels it stays."""
    if not len(labels):
        return
    rate = float(np.clip(labels.mean(dtype=np.float64), 1e-6, 1 - 1e-6))
    for weight in network.trainable_weights:
        if weight.name.endswith("global_bias:0"):
            weight.assign(np.full(weight.shape, np.log(rate / (1 - rate)), dtype=np.float32))
