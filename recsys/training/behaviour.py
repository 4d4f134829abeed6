"""An LSTM that reads what a viewer engaged with and expects the category that comes next."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.features import FeatureSpec
from recsys.serving.metadata import ModelMetadata
from recsys.training.dataset import Examples, Split
from recsys.training.export import export
from recsys.training.fit import schedule
from recsys.training.progress import Progress, silent
from recsys.training.report import BehaviourReport
from recsys.training.tensorflow import keras, seed_everything, tf

WINDOW = 20
WIDTH = 16
UNITS = 32
EPOCHS, STEPS, BATCH_SIZE = 5, 400, 512
LEARNING_RATE = 1e-2
DEPTH = 3


@dataclass(frozen=True, slots=True)
class Sequences:
    """Histories and what came next.

    Attributes:
        feeds: `sequence`, category ids, oldest first, padded behind with 0, int32, shape (rows, 20); and `length`,
            int32, shape (rows, 1), 1 to 20.
        following: id of the next category, int32, shape (rows,).
    """

    feeds: dict[str, NDArray[np.int32]]
    following: NDArray[np.int32]

    @classmethod
    def of(cls, examples: Examples) -> Sequences:
        """Take the positive examples of viewers who have a history."""
        chosen = np.flatnonzero((examples.labels == 1) & (examples.feeds["history_length"][:, 0] > 0))
        newest = examples.feeds["history_category"][chosen, :WINDOW]
        lengths = np.minimum(examples.feeds["history_length"][chosen], newest.shape[1])
        return cls(
            feeds={"sequence": oldest_first(newest, lengths[:, 0]), "length": lengths},
            following=examples.feeds["category"][chosen, 0],
        )

    def __len__(self) -> int:
        return len(self.following)


def oldest_first(newest_first: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Turn histories around, keeping the padding behind; both of shape (rows, places), lengths (rows,)."""
    places = lengths[:, None] - 1 - np.arange(newest_first.shape[1])[None, :]
    turned = np.take_along_axis(newest_first, np.maximum(places, 0), axis=1)
    return np.where(places >= 0, turned, 0).astype(np.int32)


def build(categories: int, window: int) -> Any:
    """Build the untrained network: probabilities of each category id, shape (rows, categories).

    The state after the last behaviour is gathered, since with a mask the LSTM would become a slow loop in ONNX; beside
    it stands the average over the window, the viewer's lasting taste, which the state alone is slow to learn.
    """
    sequence = keras.Input((window,), name="sequence", dtype="int32")
    length = keras.Input((1,), name="length", dtype="int32")
    vectors = keras.layers.Embedding(categories, WIDTH, keras.initializers.RandomNormal(stddev=0.3))(sequence)
    states = keras.layers.LSTM(UNITS, return_sequences=True)(vectors)
    last = tf.gather(states, tf.maximum(length - 1, 0), batch_dims=1, axis=1)[:, 0]
    present = tf.cast(tf.not_equal(sequence, 0), tf.float32)[:, :, None]
    taste = tf.reduce_sum(vectors * present, axis=1) / tf.maximum(tf.cast(length, tf.float32), 1.0)
    known = keras.layers.Dropout(0.2)(tf.concat([last, taste], axis=1))
    following = keras.layers.Dense(categories, activation="softmax")(known)
    return keras.Model({"sequence": sequence, "length": length}, following)


def train_behaviour(
    split: Split, spec: FeatureSpec, *, seed: int, metadata: ModelMetadata, output: Path, progress: Progress = silent
) -> BehaviourReport | None:
    """Train on what came next in earlier histories, measure on later ones, and export; None without histories.

    Raises:
        ParityError: the network does not export faithfully.
    """
    started = time.perf_counter()
    train, validation, test = (Sequences.of(part) for part in split)
    if not (len(train) and len(validation) and len(test)):
        return None
    seed_everything(seed)
    model = build(spec.sizes["category"], train.feeds["sequence"].shape[1])
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss="sparse_categorical_crossentropy")
    plan = schedule(len(train), BATCH_SIZE, usual=EPOCHS, least_steps=STEPS)
    model.fit(
        train.feeds,
        train.following,
        batch_size=plan.batch_size,
        epochs=plan.epochs,
        validation_data=(validation.feeds, validation.following),
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping("val_loss", patience=plan.patience, restore_best_weights=True),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: progress(
                    "behaviour", epoch + 1, plan.epochs, f"validation loss {logs['val_loss']:.4f}"
                )
            ),
        ],
    )
    scores = model.predict(test.feeds, batch_size=4096, verbose=0)
    popular = np.bincount(train.following, minlength=scores.shape[1])[None, :].repeat(len(test), axis=0)
    return BehaviourReport(
        examples=len(test),
        categories=int((popular[0] > 0).sum()),
        accuracy=_hit_rate(scores, test.following, 1),
        hit_rate=_hit_rate(scores, test.following, DEPTH),
        popular_accuracy=_hit_rate(popular, test.following, 1),
        popular_hit_rate=_hit_rate(popular, test.following, DEPTH),
        log_loss=_log_loss(scores, test.following),
        popular_log_loss=_log_loss(popular / popular.sum(axis=1, keepdims=True), test.following),
        artefact=export(model, feeds=test.feeds, metadata=replace(metadata, kind="behaviour"), output=output),
        seconds=time.perf_counter() - started,
    )


def _hit_rate(scores: NDArray[Any], following: NDArray[np.int32], depth: int) -> float:
    best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    return float((best == following[:, None]).any(axis=1).mean())


def _log_loss(scores: NDArray[Any], following: NDArray[np.int32]) -> float:
    likelihoods = scores[np.arange(len(following)), following]
    return float(-np.log(np.maximum(likelihoods, 1e-7)).mean())
