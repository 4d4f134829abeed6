"""Policies that fill a slate, learnt from a log of slates: supervised, or by reinforcement with off-policy correction.

One small network serves all of them: a query made of what is known of the viewer, of the slate so far and of the place,
against an embedding of each creative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.training.tensorflow import keras, seed_everything, tf

Reals = NDArray[np.float64]
Places = NDArray[np.int64]

WIDTH, HIDDEN = 16, 32
INITIAL_SPREAD = 1e-2
LEARNING_RATE = 5e-3
BATCH = 512
FORBIDDEN = -1e9


class Objective(StrEnum):
    """What a network is fitted to.

    CLICKS: log loss of each place, blind to the other places: the ranker whose best creatives fill the slate.
    SLATE_CLICKS: the same, told what stands before: supervised, and aware of the slate.
    TOP_K: REINFORCE with the top-K off-policy correction (Chen et al., "Top-K off-policy correction for a REINFORCE
    recommender system", WSDM 2019, eq. 6): one softmax whose K best fill the slate, blind to the other places.
    SEQUENTIAL: REINFORCE place by place, told what stands before, each place with the engagement of its own and of all
    later places as its reward, corrected by its own capped weight (their first-order approximation, section 4.2).
    """

    CLICKS = "clicks"
    SLATE_CLICKS = "slate-clicks"
    TOP_K = "reinforce top-k"
    SEQUENTIAL = "reinforce sequential"

    @property
    def aware(self) -> bool:
        """Whether it knows which categories stand before in the slate."""
        return self in (Objective.SLATE_CLICKS, Objective.SEQUENTIAL)

    @property
    def reinforced(self) -> bool:
        """Whether it learns by reinforcement."""
        return self in (Objective.TOP_K, Objective.SEQUENTIAL)


@dataclass(frozen=True, slots=True)
class Fitting:
    """How a policy is fitted.

    Attributes:
        epochs: passes over the log.
        cap: largest importance weight (Chen et al., section 4.4.2).
        entropy: weight of the policy's entropy, which keeps it from settling on what little it has seen.
    """

    epochs: int = 12
    cap: float = 10.0
    entropy: float = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Logged:
    """A log of slates; n decisions of K places.

    Attributes:
        history: what is known of the viewer, shape (n, categories).
        slates: creatives, shape (n, K).
        propensities: of each place, given those before, shape (n, K).
        rewards: shape (n, K).
    """

    history: Reals
    slates: Places
    propensities: Reals
    rewards: Reals


class SlatePolicy:
    """A fitted network as numbers: fills slates without TensorFlow.

    Attributes:
        category: of each creative, int64, shape (creatives,).
    """

    def __init__(self, objective: Objective, category: Places, places: int, weights: list[Reals]) -> None:
        self.objective = objective
        self.category = category
        self.places = places
        self._kernel, self._bias, self._out, self._items, self._popularity, self._level = weights

    def scores(self, history: Reals, before: Places) -> Reals:
        """Return log-odds (or the softmax's logits) of every creative for the next place.

        Args:
            history: shape (n, categories).
            before: creatives already in the slates, shape (n, places filled).

        Returns:
            Shape (n, creatives).
        """
        rows = _inputs(history, self.category[before], before.shape[1], self.places, aware=self.objective.aware)
        query = np.maximum(rows @ self._kernel + self._bias, 0) @ self._out
        found: Reals = query @ self._items.T + self._popularity + self._level
        return found

    def fill(self, history: Reals) -> Places:
        """Return the slates it is surest of, place by place, shape (n, places)."""
        slates = np.empty((len(history), 0), dtype=np.int64)
        for _ in range(self.places):
            before = slates if self.objective.aware else slates[:, :0]
            scores = self.scores(history, before)
            np.put_along_axis(scores, slates, FORBIDDEN, axis=1)
            slates = np.concatenate([slates, scores.argmax(axis=1)[:, None]], axis=1)
        return slates


def fit_policy(
    log: Logged, category: Places, objective: Objective, *, seed: int, how: Fitting | None = None
) -> SlatePolicy:
    """Fit a policy to a log of slates.

    Args:
        category: of each creative, shape (creatives,).
        how: None for the usual fitting.

    Raises:
        ValueError: the log is empty, its shapes differ, or a propensity is not above 0 and at most 1.
    """
    _check(log, category)
    how = how or Fitting()
    seed_everything(seed)
    network = _Network(
        len(category), log.history.shape[1], log.slates.shape[1], rate=float(log.rewards.mean()), seed=seed
    )
    optimiser = keras.optimizers.Adam(LEARNING_RATE)
    step = _step(network, optimiser, objective, how, log.slates.shape[1])
    random = np.random.default_rng(seed)
    rows = _rows(log, category, objective)
    for _ in range(how.epochs):
        order = random.permutation(len(rows[0]))
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            step(*(tf.constant(column[part]) for column in rows))
    weights = [variable.numpy().astype(np.float64) for variable in network.all]
    return SlatePolicy(objective, category, log.slates.shape[1], weights)


class _Network:
    """Variables of the network: kernel, bias, output, embeddings of creatives, their biases, and the level.

    The level begins at the base rate and embeddings at nearly nothing, so that a creative the log never showed is as
    good as the average and not an accident.
    """

    def __init__(self, creatives: int, categories: int, places: int, *, rate: float, seed: int) -> None:
        random = np.random.default_rng(seed)
        safe = min(max(rate, 1e-6), 1 - 1e-6)
        self.all = [
            _variable(_glorot(random, 2 * categories + places, HIDDEN)), tf.Variable(tf.zeros(HIDDEN)),
            _variable(_glorot(random, HIDDEN, WIDTH)),
            _variable(random.normal(0, INITIAL_SPREAD, (creatives, WIDTH))),
            tf.Variable(tf.zeros(creatives)), _variable(np.log(safe / (1 - safe))),
        ]  # fmt: skip

    def logits(self, rows: tf.Tensor) -> tf.Tensor:
        kernel, bias, out, items, popularity, level = self.all
        return tf.nn.relu(rows @ kernel + bias) @ out @ tf.transpose(items) + popularity + level


def _variable(values: Any) -> Any:
    return tf.Variable(tf.constant(values, tf.float32))


def _glorot(random: np.random.Generator, inputs: int, outputs: int) -> Reals:
    """Draw initial weights (Glorot and Bengio, AISTATS 2010, eq. 16), shape (inputs, outputs)."""
    limit = (6 / (inputs + outputs)) ** 0.5
    return random.uniform(-limit, limit, (inputs, outputs))


def _step(network: _Network, optimiser: Any, objective: Objective, how: Fitting, places: int) -> Callable[..., None]:
    """Return a compiled step on (rows, actions, propensities, rewards, taken), each of one place."""

    def clicks(logits: tf.Tensor, actions: tf.Tensor, rewards: tf.Tensor) -> tf.Tensor:
        chosen = tf.gather(logits, actions, batch_dims=1)
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=rewards, logits=chosen))

    def reinforced(
        logits: tf.Tensor, actions: tf.Tensor, propensities: tf.Tensor, rewards: tf.Tensor, taken: tf.Tensor
    ) -> tf.Tensor:
        logs = tf.nn.log_softmax(tf.where(taken, FORBIDDEN, logits))
        log_chance = tf.gather(logs, actions, batch_dims=1)
        chance = tf.stop_gradient(tf.exp(log_chance))
        weight = tf.minimum(chance / propensities, how.cap)
        if objective is Objective.TOP_K:  # eq. 6: how much one more chance of a creative helps it into the slate
            weight *= places * (1 - chance) ** (places - 1)
        entropy = -tf.reduce_sum(tf.exp(logs) * tf.where(taken, 0.0, logs), axis=1)
        return -tf.reduce_mean(weight * rewards * log_chance + how.entropy * entropy)

    signature = (
        tf.TensorSpec((None, None), tf.float32), tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None,), tf.float32),
        tf.TensorSpec((None,), tf.float32), tf.TensorSpec((None, None), tf.bool),
    )  # fmt: skip

    @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
    def step(
        rows: tf.Tensor, actions: tf.Tensor, propensities: tf.Tensor, rewards: tf.Tensor, taken: tf.Tensor
    ) -> None:
        with tf.GradientTape() as tape:
            logits = network.logits(rows)
            if objective.reinforced:
                loss = reinforced(logits, actions, propensities, rewards, taken)
            else:
                loss = clicks(logits, actions, rewards)
        optimiser.apply_gradients(zip(tape.gradient(loss, network.all), network.all, strict=True))

    compiled: Callable[..., None] = step
    return compiled


def _rows(log: Logged, category: Places, objective: Objective) -> tuple[NDArray[np.generic], ...]:
    """Return one row a place: inputs, actions, propensities, rewards, and which creatives stand before."""
    count, places = log.slates.shape
    inputs, taken = [], []
    for place in range(places):
        before = log.slates[:, :place]
        # A ranker of single creatives is told the place, so that it does not take bad places for bad creatives.
        told = category[before] if objective.aware else before[:, :0]
        at = 0 if objective is Objective.TOP_K else place
        inputs.append(_inputs(log.history, told, at, places, aware=objective.aware))
        marked = np.zeros((count, len(category)), dtype=np.bool_)
        if objective is not Objective.TOP_K:
            np.put_along_axis(marked, before, True, axis=1)
        taken.append(marked)
    rewards = log.rewards
    if objective is Objective.SEQUENTIAL:
        rewards = np.cumsum(log.rewards[:, ::-1], axis=1)[:, ::-1]
        rewards = rewards - rewards.mean(axis=0)
    elif objective is Objective.TOP_K:
        rewards = rewards - rewards.mean(axis=0)
    columns = (log.propensities, rewards)
    return (
        np.concatenate(inputs).astype(np.float32), log.slates.T.reshape(-1),
        *(column.T.reshape(-1).astype(np.float32) for column in columns), np.concatenate(taken),
    )  # fmt: skip


def _inputs(history: Reals, before: Places, place: int, places: int, *, aware: bool) -> Reals:
    """Return the viewer's history, counts of categories before, and the place: shape (n, 2 x categories + places)."""
    count, categories = history.shape
    seen = np.zeros((count, categories))
    if aware:
        for column in before.T:
            seen[np.arange(count), column] += 1
    where = np.zeros((count, places))
    where[:, min(place, places - 1)] = 1
    return np.concatenate([history * categories, seen, where], axis=1)


def _check(log: Logged, category: Places) -> None:
    shape = log.slates.shape
    if len(shape) != 2 or not all(shape) or not shape == log.propensities.shape == log.rewards.shape:
        raise ValueError(f"slates, propensities and rewards must be of one shape (decisions, places), got {shape}")
    if len(log.history) != shape[0]:
        raise ValueError(f"each of the {shape[0]} decisions needs the history of its viewer, got {len(log.history)}")
    if log.slates.min() < 0 or log.slates.max() >= len(category):
        raise ValueError(f"slates must hold creatives from 0 to {len(category) - 1}")
    if not ((log.propensities > 0) & (log.propensities <= 1)).all():
        raise ValueError("propensities must be above 0 and at most 1: the log must say how likely each choice was")
