"""Fitting a network until people it has not seen are judged no better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceid.training.tensorflow import keras, tf


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to train.

    Attributes:
        epochs: most passes over the data.
        batch: rows of one step.
        rate: greatest learning rate of Adam; it falls along half a cosine to a hundredth.
        patience: epochs without a better held-out quality after which training stops.
    """

    epochs: int
    batch: int
    rate: float = 2e-3
    patience: int = 5


def fit(
    model: Any,
    pixels: NDArray[np.uint8],
    targets: NDArray[np.float32],
    weights: NDArray[np.float32],
    *,
    loss: Callable[[Any, Any], Any],
    plan: Plan,
    quality: Callable[[], float],
    say: Callable[[str], None],
) -> int:
    """Train a model and leave it with the weights of its best epoch.

    Args:
        model: a Keras model; seeded by the caller.
        pixels: inputs, shape (n, side, side, 3).
        targets: what it shall answer; maps, shape (n, rows, columns), are mirrored together with their picture.
        weights: shape (n,).
        loss: of targets and answers, per row.
        plan: how long.
        quality: of the model as it is, on held-out data; more is better.
        say: is told a line per epoch.

    Returns:
        The best epoch, from 1.
    """
    generator = np.random.default_rng(0)
    steps = max(1, len(pixels) // plan.batch)
    schedule = keras.optimizers.schedules.CosineDecay(plan.rate, steps * plan.epochs, alpha=0.01)
    step = _step(model, keras.optimizers.Adam(schedule), loss, (None, *targets.shape[1:]))
    best, kept, at = -np.inf, model.get_weights(), 0
    for epoch in range(1, plan.epochs + 1):
        order = generator.permutation(len(pixels))
        losses = [float(step(*_batch(rows, pixels, targets, weights, generator))) for rows in _split(order, steps)]
        reached = quality()
        say(f"{model.name}: epoch {epoch}, loss {np.mean(losses):.4f}, held-out {reached:.4f}")
        if reached > best:
            best, kept, at = reached, model.get_weights(), epoch
        elif epoch - at >= plan.patience:
            break
    model.set_weights(kept)
    return at


def _split(order: NDArray[np.int64], steps: int) -> list[NDArray[np.int64]]:
    return list(np.array_split(order, steps))


def _batch(
    rows: NDArray[np.int64],
    pixels: NDArray[np.uint8],
    targets: NDArray[np.float32],
    weights: NDArray[np.float32],
    generator: np.random.Generator,
) -> tuple[Any, Any, Any]:
    """Take rows, every other one mirrored; a face's depth is mirrored with the face."""
    chosen, wanted = pixels[rows].astype(np.float32), targets[rows]
    mirrored = generator.random(len(rows)) < 0.5
    chosen[mirrored] = chosen[mirrored, :, ::-1]
    if wanted.ndim == 3:
        wanted[mirrored] = wanted[mirrored, :, ::-1]
    return tf.constant(chosen), tf.constant(wanted), tf.constant(weights[rows])


def _step(
    model: Any, optimizer: Any, loss: Callable[[Any, Any], Any], shape: tuple[int | None, ...]
) -> Callable[[Any, Any, Any], Any]:
    """Compile a step once for batches of any length; tracing takes seconds.

    Args:
        shape: of the targets.
    """
    variables = model.trainable_variables

    def step(pixels: Any, targets: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            total = tf.reduce_mean(weights * loss(targets, model(pixels, training=True)))
        optimizer.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        return total

    optimizer.build(variables)
    signature = [tf.TensorSpec(model.input_shape), tf.TensorSpec(shape), tf.TensorSpec((None,))]
    compiled: Callable[[Any, Any, Any], Any] = tf.function(step, input_signature=signature)
    return compiled
