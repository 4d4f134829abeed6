"""Fitting a network until it stops getting better on later examples."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import Feeds
from recsys.training.dataset import Examples, Split
from recsys.training.progress import Progress, silent
from recsys.training.tensorflow import keras

LEARNING_RATE = 1e-3
SCORING_BATCH = 8_192
SMALLEST_BATCH = 32
STEPS_PER_PASS = 64
LEAST_STEPS = 1_000
USUAL_PASSES = 10
MOST_PASSES = 40
Watch = Callable[[int, float], None]
PATIENCE_ROWS, LEAST_PATIENCE, MOST_PATIENCE = 100_000, 2, 8


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a log is gone through.

    Attributes:
        batch_size: rows of one step.
        epochs: passes at most.
        patience: passes in a row without a better validation loss after which to stop.
    """

    batch_size: int
    epochs: int
    patience: int


def schedule(
    rows: int,
    batch_size: int,
    epochs: int | None = None,
    *,
    usual: int = USUAL_PASSES,
    least_steps: int = LEAST_STEPS,
) -> Schedule:
    """Choose steps and passes so that a log of few rows is learnt from in as many steps as it needs.

    A screen's first days are some thousand rows: at 1,024 rows a step a pass would be two steps, and six passes would
    leave a network where it began. Interactions of ids begin on a plateau, so a small log also needs more patience.

    Args:
        batch_size: rows of a step at most.
        epochs: passes at most; None for as many as a log of this size needs.
        usual: passes at most over a large log, when ``epochs`` is None.
        least_steps: steps that a small log is to be gone through in, at most forty passes.
    """
    size = min(batch_size, max(SMALLEST_BATCH, rows // STEPS_PER_PASS))
    steps = math.ceil(rows / size)
    return Schedule(
        batch_size=size,
        epochs=max(usual, min(MOST_PASSES, least_steps // steps)) if epochs is None else epochs,
        patience=max(LEAST_PATIENCE, min(MOST_PATIENCE, PATIENCE_ROWS // rows)),
    )


def unwatched(number: int, loss: float) -> None:
    """Let a training go on."""


def fit(
    model: Any,
    split: Split,
    *,
    stage: str,
    epochs: int | None,
    batch_size: int,
    progress: Progress = silent,
    watch: Watch = unwatched,
) -> list[float]:
    """Fit on the train part and keep the weights that were best on the validation part.

    Args:
        epochs: at most this many passes; None lets `schedule` choose.
        batch_size: at most this many rows a step.
        watch: is told the number of each pass and its validation log loss, and may raise to end the training.

    Returns:
        Validation log loss after each epoch, in nats.
    """
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss="binary_crossentropy", metrics=["binary_crossentropy"])
    train, validation = split.train, split.validation
    plan = schedule(len(train), batch_size, epochs)
    begin_at_base_rate(model, train)
    history = model.fit(
        train.feeds,
        train.labels,
        batch_size=plan.batch_size,
        epochs=plan.epochs,
        validation_data=(validation.feeds, validation.labels),
        validation_batch_size=SCORING_BATCH,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(
                "val_binary_crossentropy", patience=plan.patience, restore_best_weights=True, mode="min"
            ),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: watch(epoch + 1, float(logs["val_binary_crossentropy"]))
            ),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: progress(
                    stage, epoch + 1, plan.epochs, f"validation log loss {logs['val_binary_crossentropy']:.4f}"
                )
            ),
        ],
    )
    return [float(value) for value in history.history["val_binary_crossentropy"]]


def begin_at_base_rate(model: Any, train: Examples) -> None:
    """Set the bias of the output to the log-odds of the train part, so that no step is spent on finding them."""
    rate = float(np.clip(train.labels.mean(), 1e-6, 1 - 1e-6))
    for weight in model.trainable_weights:
        if weight.name.endswith("global_bias:0"):
            weight.assign(np.full(weight.shape, np.log(rate / (1 - rate)), dtype=np.float32))


def score(model: Any, examples: Examples) -> NDArray[np.float32]:
    """Score examples with a trained network: uncalibrated probabilities, float32, shape (rows,)."""
    return predict(model, examples.feeds)


def predict(model: Any, feeds: Feeds) -> NDArray[np.float32]:
    """Run a network on encoded rows: float32, shape (rows,)."""
    scores: NDArray[np.float32] = model.predict(feeds, batch_size=SCORING_BATCH, verbose=0)
    return scores.reshape(-1)
