"""Steps of learning: many in one call of TensorFlow, on one machine or on several at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import Feeds
from recsys.training.distributed import strategy
from recsys.training.feeding import Feed, Packing, Source
from recsys.training.optimiser import LazyAdagrad, LazyAdam
from recsys.training.tensorflow import keras, tf

STEPS_PER_CALL = 20


class Steps:
    """Moves a network's weights against the gradient of its loss.

    The loss of a step is the mean over its rows plus what layers add to it. Where several machines learn together,
    each goes through rows of its own, and a step is one over the rows of all, see `recsys.training.distributed`.

    Args:
        network: a Keras model; its first output column is the probability of engagement.
        loss: of targets and outputs, both (rows, columns); a loss per row, or one number.
        batch_size: rows of a step on this machine.
        swift: whether tables of many ids are learnt by Adagrad.
    """

    def __init__(self, network: Any, loss: Any, *, batch_size: int, learning_rate: float, swift: bool = False) -> None:
        self.network, self.loss, self.batch_size = network, loss, batch_size
        self.strategy = strategy()
        self.optimiser = (LazyAdagrad if swift else LazyAdam)(learning_rate)
        self.optimiser.build(network.trainable_variables)
        self._many = tf.function(self._steps, reduce_retracing=True)

    def feed(self, source: Source, random: np.random.Generator) -> Feed:
        """Lay out rows in blocks of as many steps as one call of TensorFlow makes."""
        feed = Feed(source, self.batch_size * STEPS_PER_CALL, random)
        self._many.get_concrete_function(feed.packing, *feed.specs)  # one for blocks of any length: it takes seconds
        return feed

    def go_through(self, feed: Feed) -> float:
        """Learn from all rows once, in random order, and return the mean loss of the steps.

        Raises:
            TrainingRefused: the rows could not be read to their end.
        """
        total, steps = 0.0, 0
        for packed, targets in feed:
            for part in self._calls(packed, targets):
                total += float(self._many(feed.packing, *part))
            steps += -(-int(targets.shape[0]) // self.batch_size)
        return total / max(steps, 1)

    def _calls(self, packed: dict[str, Any], targets: Any) -> list[tuple[dict[str, Any], Any]]:
        """Divide a block among calls: a step of fewer rows needs one of its own where several machines learn.

        Machines gather rows from each other by buffers whose lengths must not change within a call.
        """
        rest = int(targets.shape[0]) % self.batch_size
        if self.strategy.num_replicas_in_sync == 1 or rest in (0, int(targets.shape[0])):
            return [(packed, targets)]
        parts = (slice(None, -rest), slice(-rest, None))
        return [({name: values[rows] for name, values in packed.items()}, targets[rows]) for rows in parts]

    def _steps(self, packing: Packing, packed: dict[str, Any], targets: Any) -> Any:
        total, rows = tf.constant(0.0), tf.shape(targets)[0]
        for start in tf.range(0, rows, self.batch_size):
            end = tf.minimum(start + self.batch_size, rows)
            batch = packing.unpack({name: values[start:end] for name, values in packed.items()})
            losses = self.strategy.run(self._step, args=(batch, targets[start:end]))
            total += self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
        return total

    def _step(self, feeds: dict[str, Any], targets: Any) -> Any:
        with tf.GradientTape() as tape:
            found = self.network(feeds, training=True)
            loss = tf.reduce_mean(self.loss(targets, found)) + tf.add_n([tf.constant(0.0), *self.network.losses])
            loss /= self.strategy.num_replicas_in_sync
        weights = self.network.trainable_variables
        gradients = tape.gradient(loss, weights)
        self.optimiser.apply_gradients(
            [(gradient, weight) for gradient, weight in zip(gradients, weights, strict=True) if gradient is not None]
        )
        return loss


def log_loss(targets: Any, found: Any) -> Any:
    """Give the log loss of each row in nats; both of shape (rows, 1)."""
    return keras.losses.binary_crossentropy(targets, found)


def forward(network: Any, feeds: Feeds, batch_size: int) -> NDArray[np.float32]:
    """Run a network on encoded rows, on this machine alone; shape (rows, columns)."""
    rows = len(next(iter(feeds.values())))
    names = [node.name for node in network.inputs]
    run = vars(network).get("_forward")
    if run is None:
        run = tf.function(lambda inputs: network(inputs, training=False), reduce_retracing=True)
        kinds = {name: tf.TensorSpec((None, *feeds[name].shape[1:]), feeds[name].dtype) for name in names}
        run.get_concrete_function(kinds)
        object.__setattr__(network, "_forward", run)  # past Keras, which would take it for a part of the network
    parts = [
        run({name: tf.constant(feeds[name][start : start + batch_size]) for name in names}).numpy()
        for start in range(0, max(rows, 1), batch_size)
    ]
    return np.concatenate(parts)
