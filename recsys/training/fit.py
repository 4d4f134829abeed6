"""Fitting a network until it stops getting better on later examples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import Feeds
from recsys.training.dataset import Examples, Split
from recsys.training.progress import Progress, silent
from recsys.training.tensorflow import keras

LEARNING_RATE = 1e-3
PATIENCE = 2
SCORING_BATCH = 8_192


def fit(
    model: Any, split: Split, *, stage: str, epochs: int, batch_size: int, progress: Progress = silent
) -> list[float]:
    """Fit on the train part and keep the weights that were best on the validation part.

    Args:
        epochs: at most this many passes; two passes in a row that do not lower the validation log loss are
            the last.

    Returns:
        Validation log loss after each epoch, in nats.
    """
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss="binary_crossentropy", metrics=["binary_crossentropy"])
    train, validation = split.train, split.validation
    history = model.fit(
        train.feeds,
        train.labels,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(validation.feeds, validation.labels),
        validation_batch_size=SCORING_BATCH,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(
                "val_binary_crossentropy", patience=PATIENCE, restore_best_weights=True, mode="min"
            ),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: progress(
                    stage, epoch + 1, epochs, f"validation log loss {logs['val_binary_crossentropy']:.4f}"
                )
            ),
        ],
    )
    return [float(value) for value in history.history["val_binary_crossentropy"]]


def score(model: Any, examples: Examples) -> NDArray[np.float32]:
    """Score examples with a trained network: uncalibrated probabilities, float32, shape (rows,)."""
    return predict(model, examples.feeds)


def predict(model: Any, feeds: Feeds) -> NDArray[np.float32]:
    """Run a network on encoded rows: float32, shape (rows,)."""
    scores: NDArray[np.float32] = model.predict(feeds, batch_size=SCORING_BATCH, verbose=0)
    return scores.reshape(-1)
