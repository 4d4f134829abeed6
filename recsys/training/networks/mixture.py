"""Networks that learn several tasks at once from what they share: view, dwell, touch, scan and conversion.

They serve as every other network does, with the probability of engagement; the other tasks help to learn it and are
left out of the exported graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.training.configuration import NetworkConfig
from recsys.training.dataset import TASKS
from recsys.training.networks.attention import CosineAttention
from recsys.training.networks.interest import parts
from recsys.training.networks.layers import AsPairs, PairDense
from recsys.training.networks.layout import Layout
from recsys.training.networks.network import OUTPUT, Network, Probability
from recsys.training.networks.sides import Sides, embed, two_widths
from recsys.training.tensorflow import keras, tf

ENGAGEMENT = "engagement"
SECONDS = "dwell_seconds"
"""The one task that is no probability: the logarithm of one more than the seconds is learnt."""
ALL_TASKS = (ENGAGEMENT, *TASKS)
SHARE = 1.0
"""Weight of the other tasks together, where engagement weighs 1."""
LEVELS = 2


def gates(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build a multi-gate mixture of experts; Ma et al., "Modeling Task Relationships ... MMoE", KDD 2018.

    Experts and gates read features of viewer and candidate, and the histories as `dotdin` does.
    """
    sides = embed(layout, config, seed, two_widths(config))
    known = parts(sides, CosineAttention())
    experts = [_expert(known, config, f"expert_{place}", seed + place) for place in range(config.experts)]
    mixed = {task: _mix(known, experts, f"gate_{task}") for task in ALL_TASKS}
    return _finish(layout, config, sides, mixed)


def extraction(layout: Layout, config: NetworkConfig, seed: int) -> Network:
    """Build progressive layered extraction with two levels; Tang et al., RecSys 2020.

    Each level has experts that all tasks share and experts of each task's own; a task's gate looks at both.
    """
    sides = embed(layout, config, seed, two_widths(config))
    known = parts(sides, CosineAttention())
    read: dict[str, Any] = dict.fromkeys(ALL_TASKS, known)
    shared: Any = known
    for level in range(LEVELS):
        own = {task: _group(read[task], config, f"{level}_{task}", seed) for task in ALL_TASKS}
        common = _group(shared, config, f"{level}_shared", seed)
        mixed = {task: _mix(read[task], own[task] + common, f"gate_{level}_{task}") for task in ALL_TASKS}
        if level < LEVELS - 1:
            everyone = [expert for group in own.values() for expert in group] + common
            read, shared = mixed, _mix(shared, everyone, f"gate_{level}_shared")
    return _finish(layout, config, sides, mixed)


class MultiTask(Network):
    """A ranking network with a second output to learn from: a column for each task, over the same weights."""

    @property
    def learner(self) -> Any:
        """The model to fit; its output has shape (rows, tasks), see `ALL_TASKS`."""
        return self._learner

    @property
    def loss_to_learn(self) -> Any:
        """The sum of the tasks' losses over what is known."""
        return masked_loss

    def targets(self, labels: NDArray[np.float32], tasks: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Lay out labels as columns, NaN where nobody knows; float32, shape (rows, tasks).

        Args:
            labels: of engagement, shape (rows,).
            tasks: columns by the names of `recsys.training.dataset.TASKS`, NaN where null; all NaN where missing.
        """
        unknown = np.full(len(labels), np.nan, dtype=np.float32)
        columns = {name: tasks.get(name, unknown) for name in TASKS}
        columns[SECONDS] = np.log1p(np.maximum(columns[SECONDS], 0))
        return np.stack([labels, *columns.values()], axis=1).astype(np.float32)


def masked_loss(labels: Any, found: Any) -> Any:
    """Add up the losses of all tasks, each averaged over the rows whose label is known; shape (rows,).

    Args:
        labels: (rows, tasks), NaN where unknown.
        found: (rows, tasks): probabilities, and the logarithm of one more than the seconds.
    """
    known = tf.cast(tf.math.is_finite(labels), found.dtype)
    labels = tf.where(known > 0, labels, tf.zeros_like(labels))
    safe = tf.clip_by_value(found, 1e-7, 1.0 - 1e-7)
    crossed = -labels * tf.math.log(safe) - (1.0 - labels) * tf.math.log(1.0 - safe)
    losses = tf.where(tf.constant([task == SECONDS for task in ALL_TASKS]), tf.square(labels - found), crossed)
    weights = tf.constant([1.0] + [SHARE / len(TASKS)] * len(TASKS))
    shares = known / tf.maximum(tf.reduce_mean(known, axis=0), 1e-6)
    return tf.reduce_sum(losses * shares * weights, axis=1)


def _finish(layout: Layout, config: NetworkConfig, sides: Sides, mixed: dict[str, Any]) -> MultiTask:
    logits = {task: _tower(rows, config, task) for task, rows in mixed.items()}
    anchor = next(iter(sides.candidate.values()))
    probability = Probability(name=OUTPUT)(sides.relate([AsPairs()([logits[ENGAGEMENT], anchor])]))
    network = MultiTask(sides.inputs, probability)
    columns = [tf.reshape(probability, (-1, 1))]
    columns += [logits[task] if task == SECONDS else tf.sigmoid(logits[task]) for task in TASKS]
    # past Keras, which would take the second model for a layer of the first
    object.__setattr__(network, "_learner", keras.Model(sides.inputs, tf.concat(columns, axis=1)))
    network.layout, network.config = layout, config
    return network


def _tower(rows: Any, config: NetworkConfig, task: str) -> Any:
    hidden = keras.layers.Dense(config.tower, "relu", name=f"tower_{task}")(rows)
    return keras.layers.Dense(1, use_bias=task != ENGAGEMENT, name=f"logit_{task}")(hidden)


def _group(known: Any, config: NetworkConfig, name: str, seed: int) -> list[Any]:
    return [_expert(known, config, f"expert_{name}_{place}", seed + place) for place in range(config.experts)]


def _expert(known: Any, config: NetworkConfig, name: str, seed: int) -> Any:
    """Put the hidden layers of one expert on what is known."""
    rows = known
    for place, units in enumerate(config.hidden):
        rows = keras.layers.Dropout(config.dropout)(_dense(rows, units, "relu", f"{name}_{place}", seed + place))
    return rows


def _mix(known: Any, experts: list[Any], name: str) -> Any:
    """Average experts with the weights that a gate gives them for what is known; (rows, units)."""
    weights = tf.nn.softmax(_dense(known, len(experts), None, name, None))
    return tf.add_n([weights[:, place : place + 1] * expert for place, expert in enumerate(experts)])


def _dense(known: Any, units: int, activation: str | None, name: str, seed: int | None) -> Any:
    """Put a layer on the two sides of a graph, or on rows; gates, which have no activation, have no bias either."""
    if isinstance(known, list):
        return PairDense(units, activation, seed, use_bias=activation is not None, name=name)(known)
    start = keras.initializers.GlorotUniform(seed)
    return keras.layers.Dense(units, activation, use_bias=activation is not None, kernel_initializer=start, name=name)(
        known
    )
